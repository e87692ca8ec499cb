"""Texts of the mailing lists."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "lists.title": {"ja": "メーリングリスト", "en": "Mailing lists"},
    "lists.lead": {
        "ja": "{domain} のメーリングリスト {count} 件（最大 {most} 件）",
        "en": "{count} of at most {most} lists of {domain}",
    },
    "lists.new": {"ja": "リストを作成", "en": "New list"},
    "lists.none": {"ja": "メーリングリストはまだありません", "en": "There are no mailing lists yet"},
    "lists.none.lead": {
        "ja": "リストを作成すると、1つのアドレスに送ったメールがメンバー全員に届きます。",
        "en": "Mail to a list’s one address reaches all its members.",
    },
    "lists.search": {"ja": "アドレス・備考で検索", "en": "Search address or comment"},
    "lists.address": {"ja": "リストのアドレス", "en": "Address of the list"},
    "lists.members": {"ja": "メンバー", "en": "Members"},
    "lists.owner": {"ja": "リスト管理者", "en": "Owner"},
    "lists.posting": {"ja": "投稿できる人", "en": "Who may post"},
    "lists.moderation": {"ja": "投稿の承認", "en": "Approval"},
    "lists.comment": {"ja": "備考", "en": "Comment"},
    "lists.problem": {"ja": "設定ファイルに誤りがあります", "en": "its file has a mistake"},
    "lists.waiting": {"ja": "承認待ち", "en": "Waiting"},
    "lists.settings": {"ja": "設定", "en": "Settings"},
    # settings
    "lists.local.help": {
        "ja": "@ より前の部分。半角英数字と . _ - が使えます。",
        "en": "What stands before the @: letters, digits and . _ -",
    },
    "lists.owner.help": {
        "ja": "リストの世話をする人のアドレス。配信エラーや承認依頼が届きます。メンバーとして数え、投稿"
        "できます。",
        "en": "The address of who looks after the list: hears of errors and of posts to approve, is a"
        " member and may post.",
    },
    "lists.first_members": {"ja": "メンバーのアドレス", "en": "Members’ addresses"},
    "lists.first_members.help": {
        "ja": "1行に1人。「山田太郎 <taro@example.jp>」のように名前も書けます。あとから CSV でまとめて追加する"
        "こともできます。",
        "en": "One in a line; “Taro Yamada <taro@example.jp>” brings the name along. More can be added later, or"
        " as CSV.",
    },
    "lists.comment.help": {
        "ja": "用途など、管理者のためのメモです。",
        "en": "For administrators, such as what the list is for.",
    },
    "posting.anyone": {"ja": "誰でも", "en": "Anybody"},
    "posting.members": {"ja": "メンバー全員", "en": "All members"},
    "posting.posters": {"ja": "投稿を許可したメンバーだけ", "en": "Only members with the right to post"},
    "moderation.none": {"ja": "承認なしで配信する", "en": "Posts go out at once"},
    "moderation.strangers": {
        "ja": "投稿できない人からの投稿だけ、承認してから配信する",
        "en": "Posts of those who may not post wait for approval (else they are refused)",
    },
    "moderation.all": {
        "ja": "すべての投稿を、承認してから配信する（リスト管理者の投稿を除く）",
        "en": "All posts wait for approval, but the owner’s",
    },
    "moderation.short.none": {"ja": "なし", "en": "none"},
    "moderation.short.strangers": {"ja": "権限のない投稿のみ", "en": "of strangers"},
    "moderation.short.all": {"ja": "すべて", "en": "of all"},
    "lists.prefix": {"ja": "件名の前に付ける文字", "en": "Put before the subject"},
    "lists.prefix.help": {
        "ja": "{{name}} はリスト名、{{number}} は通し番号に置き換わります。空欄なら何も付けません。次の"
        "投稿の例: {example}",
        "en": "{{name}} is the list’s name, {{number}} a running number; empty: nothing. The next post:"
        " {example}",
    },
    "lists.prefix.subject": {"ja": "来週の会議について", "en": "Next week’s meeting"},
    "lists.reply_to": {"ja": "返信先", "en": "Answers go to"},
    "reply_to.list": {"ja": "リスト（メンバー全員）", "en": "The list, so all members"},
    "reply_to.author": {"ja": "投稿した人", "en": "Who wrote the post"},
    "lists.max_message": {"ja": "投稿の大きさの上限", "en": "Largest post"},
    "lists.made": {"ja": "{address} を作成しました。", "en": "{address} is made."},
    "lists.deleted": {"ja": "{address} を削除しました。", "en": "{address} is deleted."},
    "lists.delete": {"ja": "リストを削除", "en": "Delete the list"},
    "lists.delete.lead": {
        "ja": "{address} を削除すると、このアドレスへのメールは受け取れなくなります。メンバー {members}"
        " 人の登録も消えます。",
        "en": "Nothing sent to {address} arrives any more, and its {members} members are forgotten.",
    },
    "lists.delete.waiting": {
        "ja": "承認待ちの投稿 {count} 件も配信できなくなります。",
        "en": "{count} posts that wait for approval can go out no more.",
    },
    # members
    "members.lead": {"ja": "{count} 人（最大 {most} 人）", "en": "{count} of at most {most}"},
    "members.posters": {
        "ja": "投稿許可 {count} 人（最大 {most} 人）",
        "en": "{count} of at most {most} may post",
    },
    "members.add": {"ja": "メンバーを追加", "en": "Add members"},
    "members.csv": {"ja": "CSV で登録", "en": "CSV in"},
    "members.export": {"ja": "CSV でダウンロード", "en": "CSV out"},
    "members.export.utf8": {"ja": "UTF-8（Excel 推奨）", "en": "UTF-8 (for Excel)"},
    "members.export.cp932": {"ja": "シフト JIS（CP932）", "en": "Shift_JIS (CP932)"},
    "members.search": {"ja": "アドレス・名前で検索", "en": "Search address or name"},
    "members.address": {"ja": "メールアドレス", "en": "Mail address"},
    "members.name": {"ja": "名前", "en": "Name"},
    "members.receives": {"ja": "配信", "en": "Receives"},
    "members.may_post": {"ja": "投稿", "en": "May post"},
    "members.receives.yes": {"ja": "する", "en": "yes"},
    "members.receives.no": {"ja": "しない", "en": "no"},
    "members.may_post.yes": {"ja": "許可", "en": "yes"},
    "members.paused": {"ja": "配信停止中", "en": "paused"},
    "members.bouncing.why": {
        "ja": "{days} 日分のメールが戻っています（{reason}）",
        "en": "mail came back on {days} days ({reason})",
    },
    "members.bouncing": {"ja": "配信エラーあり", "en": "comes back"},
    "members.resume": {"ja": "配信を再開", "en": "Send again"},
    "members.resumed": {
        "ja": "{address} への配信を再開しました。",
        "en": "{address} gets the posts again.",
    },
    "members.do": {"ja": "操作", "en": "Do"},
    "members.do.receive": {"ja": "配信する", "en": "Send posts to them"},
    "members.do.not_receive": {"ja": "配信しない", "en": "Send them nothing"},
    "members.do.post": {"ja": "投稿を許可", "en": "Let them post"},
    "members.do.not_post": {"ja": "投稿の許可を取り消す", "en": "Take the right to post"},
    "members.do.remove": {"ja": "リストから外す", "en": "Take out of the list"},
    "members.nobody_ticked": {"ja": "メンバーを選択してください。", "en": "Tick the members first."},
    "members.edit": {"ja": "メンバーの編集", "en": "Edit member"},
    "members.removed": {
        "ja": "{count} 人をリストから外しました。",
        "en": "Members taken out: {count}",
    },
    "members.changed": {
        "ja": "追加 {came} 人、変更 {changed} 人、削除 {went} 人を反映しました。",
        "en": "Members that came: {came}, changed: {changed}, went: {went}",
    },
    "members.add.addresses": {"ja": "メールアドレス", "en": "Mail addresses"},
    "members.add.help": {
        "ja": "1行に1人。「山田太郎 <taro@example.jp>」のように名前も書けます。",
        "en": "One in a line; “Taro Yamada <taro@example.jp>” brings the name along.",
    },
    "members.add.line": {"ja": "{line} 行目: {text}", "en": "Line {line}: {text}"},
    "members.add.none": {"ja": "アドレスを入力してください。", "en": "Type at least one address."},
    "members.csv.file": {"ja": "CSV ファイル", "en": "CSV file"},
    "members.csv.help": {
        "ja": "列は address, name, receives, may_post（日本語の見出し「メールアドレス」「名前」「配信」"
        "「投稿」も可）。"
        "文字コードは UTF-8 とシフト JIS のどちらでも読み込めます。",
        "en": "Columns address, name, receives, may_post. UTF-8 or Shift_JIS, separated by commas or tabs.",
    },
    "members.csv.how": {"ja": "登録方法", "en": "How"},
    "members.csv.add": {
        "ja": "追加・変更する（ファイルにない人はそのまま）",
        "en": "Add and change; who is not in the file stays",
    },
    "members.csv.replace": {
        "ja": "入れ替える（ファイルにない人はリストから外す）",
        "en": "Replace; who is not in the file leaves the list",
    },
    "members.csv.check": {"ja": "内容を確認", "en": "Check"},
    "members.csv.preview": {"ja": "登録内容の確認", "en": "What will happen"},
    "members.csv.preview.lead": {
        "ja": "まだ何も変更していません。内容を確認して［実行する］を押してください。",
        "en": "Nothing is changed yet. Look through it, then go ahead.",
    },
    "members.csv.wrong": {
        "ja": "ファイルに誤りがあります。何も変更していません。",
        "en": "There are mistakes in the file. Nothing was changed.",
    },
    "members.csv.nothing": {"ja": "変更はありません。", "en": "Nothing would change."},
    "members.csv.empty": {"ja": "ファイルにメンバーがありません。", "en": "There is nobody in the file."},
    "members.csv.no_file": {"ja": "ファイルを選んでください。", "en": "Choose a file first."},
    "members.what": {"ja": "結果", "en": "What happens"},
    "members.what.new": {"ja": "追加", "en": "comes"},
    "members.what.changed": {"ja": "変更", "en": "changes"},
    "members.what.same": {"ja": "変更なし", "en": "stays"},
    "members.what.leaves": {"ja": "削除", "en": "leaves"},
    # posts that wait
    "held.none": {"ja": "承認待ちの投稿はありません", "en": "No posts wait for approval"},
    "held.author": {"ja": "投稿者", "en": "From"},
    "held.subject": {"ja": "件名", "en": "Subject"},
    "held.no_subject": {"ja": "（件名なし）", "en": "(no subject)"},
    "held.at": {"ja": "受付日時", "en": "Came"},
    "held.title": {"ja": "承認待ちの投稿", "en": "Post waiting for approval"},
    "held.lead": {
        "ja": "承認すると {members} 人のメンバーに配信します。却下すると投稿者にお知らせします。",
        "en": "Approved, it goes to the {members} members; refused, its author is told so.",
    },
    "held.link.lead": {
        "ja": "承認するとリストのメンバーに配信します。却下すると投稿者にお知らせします。",
        "en": "Approved, it goes to the members of the list; refused, its author is told so.",
    },
    "held.approve": {"ja": "承認して配信", "en": "Approve"},
    "held.refuse": {"ja": "却下", "en": "Refuse"},
    "held.approved": {"ja": "「{subject}」を配信しました。", "en": "“{subject}” goes to the members."},
    "held.refused": {"ja": "「{subject}」を却下しました。", "en": "“{subject}” is refused."},
    "held.gone": {
        "ja": "この投稿はすでに処理されています。",
        "en": "Somebody has decided about this post already.",
    },
    "held.decided": {"ja": "投稿の承認", "en": "Approval of a post"},
    "held.close": {"ja": "この画面は閉じてかまいません。", "en": "You can close this page."},
    "held.unknown": {
        "ja": "この投稿は見つかりません",
        "en": "There is no such post",
    },
    "held.unknown.lead": {
        "ja": "すでに承認または却下されたか、30 日の期限を過ぎています。リンクが途中で切れていないかもお確かめ"
        "ください。",
        "en": "It has been decided about already, or nobody did in 30 days. Or the link was cut short: please look"
        " whether it is whole.",
    },
    "held.more": {"ja": "（以下省略）", "en": "(it goes on)"},
    "held.no_text": {"ja": "（本文なし）", "en": "(no text)"},
    "held.attachments": {"ja": "添付ファイル", "en": "Attachments"},
    "held.field.from": {"ja": "差出人", "en": "From"},
    "held.field.to": {"ja": "宛先", "en": "To"},
    "held.field.cc": {"ja": "Cc", "en": "Cc"},
    "held.field.reply-to": {"ja": "返信先", "en": "Reply-To"},
    "held.field.date": {"ja": "日付", "en": "Date"},
    "held.field.subject": {"ja": "件名", "en": "Subject"},
    # help
    "help.lists": {
        "ja": "メーリングリストとは\n1つのアドレスに送ったメールを、登録したメンバー全員に配信するしくみ"
        "です。1ドメインに 200 件まで、"
        "1リストに 1,000 人（リスト管理者を含む）まで登録できます。\n\n"
        "投稿できる人\n「投稿を許可したメンバーだけ」を選ぶと、100 人まで個別に投稿を許可できます。案内"
        "メールなど、決まった人だけが送るリストに向いています。\n\n"
        "承認\n承認待ちの投稿は［承認待ち］に表示されます。リスト管理者には承認を依頼するメールも届き、"
        "そのメールに返信しても承認できます。"
        "30 日以内に承認しなかった投稿は破棄します。\n\n"
        "配信エラー\nメールが何日も戻ってくるメンバーは、自動で配信を停止し、リスト管理者にお知らせしま"
        "す。［配信を再開］で元に戻せます。\n\n"
        "本文・署名\n投稿の本文は変更せず、フッターも付けません。電子署名や DKIM が壊れることはありませ"
        "ん。",
        "en": "What it is\nMail to one address goes to all members. A domain may have 200 lists, a list"
        " 1,000 members, the owner"
        " counted.\n\nWho may post\nWith “Only members with the right to post” up to 100 members can be"
        " given that right:"
        " good for newsletters.\n\nApproval\nPosts that wait are shown under Waiting. The owner is also"
        " mailed, and approves by"
        " answering that mail. What nobody approves within 30 days is dropped.\n\nMail that comes back\n"
        "A member whose mail"
        " comes back for days is paused, and the owner told. “Send again” ends that.\n\nThe text\nIs"
        " never changed, and there"
        " is no footer: signatures and DKIM stay valid.",
    },
}
