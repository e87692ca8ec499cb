"""Texts of what a user sets for the own account, and an administrator for others: incoming mail and mail data."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    # forwarding
    "forward.title": {"ja": "転送", "en": "Forwarding"},
    "forward.lead": {
        "ja": "届いたメールを、ほかのアドレスへ自動で転送します。",
        "en": "Sends on what comes in to other addresses.",
    },
    "forward.to": {"ja": "転送先アドレス", "en": "Forward to"},
    "forward.to.help": {
        "ja": "1行に1つ入力します。空にすると転送しません。",
        "en": "One address in a line; empty: nothing is forwarded.",
    },
    "forward.copy": {"ja": "元のメールボックス", "en": "This mailbox"},
    "forward.copy.keep": {"ja": "メールボックスにも残す", "en": "Keep a copy here"},
    "forward.copy.drop": {"ja": "残さず転送だけする", "en": "Forward only, keep nothing here"},
    "forward.on": {"ja": "{to} へ転送しています。", "en": "Mail is forwarded to {to}."},
    "forward.off": {"ja": "転送していません。", "en": "Nothing is forwarded."},
    "forward.saved.on": {"ja": "転送を設定しました。", "en": "Mail is forwarded from now on."},
    "forward.saved.off": {"ja": "転送を解除しました。", "en": "Nothing is forwarded any more."},
    # automatic reply
    "autoreply.title": {"ja": "自動返信", "en": "Automatic reply"},
    "autoreply.lead": {
        "ja": "休暇中などに、届いたメールへ決まった文面を自動で返信します。届いたメールはメールボックス"
        "に残ります。",
        "en": "Answers mail with a prepared text, such as while you are away. The mail itself stays in"
        " the mailbox.",
    },
    "autoreply.enabled": {"ja": "自動返信する", "en": "Send automatic replies"},
    "autoreply.from": {"ja": "開始日", "en": "First day"},
    "autoreply.until": {"ja": "終了日", "en": "Last day"},
    "autoreply.from.help": {"ja": "空欄ならすぐに始めます。", "en": "Empty: at once."},
    "autoreply.until.help": {
        "ja": "この日まで返信します。空欄なら終わりません。",
        "en": "Included. Empty: without an end.",
    },
    "autoreply.subject": {"ja": "件名", "en": "Subject"},
    "autoreply.subject.help": {
        "ja": "空欄なら「Re: 届いたメールの件名」になります。",
        "en": "Empty: “Re:” and the subject of the mail.",
    },
    "autoreply.text": {"ja": "本文", "en": "Text"},
    "autoreply.preview": {"ja": "プレビュー", "en": "Preview"},
    "autoreply.preview.lead": {
        "ja": "差出人には次のように届きます。まだ保存していません。",
        "en": "This is what a sender gets. Nothing is saved yet.",
    },
    "autoreply.preview.now": {
        "ja": "差出人には次のように届きます。",
        "en": "This is what a sender gets.",
    },
    "autoreply.preview.subject": {"ja": "お打ち合わせの件", "en": "Our meeting"},
    "autoreply.on": {"ja": "自動返信しています。", "en": "Automatic replies are on."},
    "autoreply.on.until": {
        "ja": "自動返信しています（{until} まで）。",
        "en": "Automatic replies are on, until {until}.",
    },
    "autoreply.later": {
        "ja": "{from_} から自動返信します。",
        "en": "Automatic replies begin on {from_}.",
    },
    "autoreply.over": {
        "ja": "自動返信の期間は {until} に終わりました。",
        "en": "The time of automatic replies ended on {until}.",
    },
    "autoreply.off": {"ja": "自動返信していません。", "en": "Automatic replies are off."},
    "autoreply.wrong_day": {
        "ja": "日付は 2026-12-28 の形で入力してください。",
        "en": "A day is written like 2026-12-28.",
    },
    "autoreply.order": {"ja": "終了日が開始日より前です。", "en": "The last day is before the first."},
    "autoreply.empty": {"ja": "返信する本文を入力してください。", "en": "Write the text of the reply."},
    "autoreply.long": {"ja": "件名または本文が長すぎます。", "en": "Subject or text is too long."},
    "autoreply.saved.on": {"ja": "自動返信を設定しました。", "en": "Automatic replies are set."},
    "autoreply.saved.off": {"ja": "自動返信をオフにしました。", "en": "Automatic replies are off."},
    # spam, receiving
    "receiving.title": {"ja": "受信・迷惑メール", "en": "Receiving and spam"},
    "receiving.receive": {"ja": "メールの受信", "en": "Receiving mail"},
    "receiving.receive.yes": {"ja": "受信する", "en": "Accept mail"},
    "receiving.receive.no": {
        "ja": "受信しない（送信者にエラーを返します）",
        "en": "Accept none; senders are told so",
    },
    "receiving.receive.help": {
        "ja": "受信しない間も、ログイン、送信、届いているメールの閲覧はできます。",
        "en": "Signing in, sending and reading what is there stay possible.",
    },
    "receiving.spam": {"ja": "迷惑メールと判定されたメール", "en": "Mail that was found to be spam"},
    "receiving.tag": {"ja": "件名の先頭に [SPAM] を付ける", "en": "Put [SPAM] before its subject"},
    "receiving.junk": {"ja": "迷惑メールフォルダーに振り分ける", "en": "Sort it into the junk folder"},
    "receiving.junk.help": {
        "ja": "IMAP やウェブメールでお使いの方におすすめします。POP では迷惑メールフォルダーのメールを受"
        "信できません。",
        "en": "Good for IMAP and webmail. POP programs do not see the junk folder.",
    },
    "receiving.nothing": {
        "ja": "どちらもオフでも、迷惑メールにはヘッダー X-Spam-Status: Yes が付きます。削除や返送はしま"
        "せん。",
        "en": "In any case spam carries the header X-Spam-Status: Yes. Nothing is deleted or sent back.",
    },
    "receiving.off": {
        "ja": "このアカウントは今メールを受信しません。",
        "en": "This account accepts no mail at present.",
    },
    # mail data
    "data.title": {"ja": "メールの取り込み・削除", "en": "Mail data"},
    "data.folders": {"ja": "フォルダーごとの使用量", "en": "Use by folder"},
    "data.folder": {"ja": "フォルダー", "en": "Folder"},
    "data.messages": {"ja": "通数", "en": "Messages"},
    "data.size": {"ja": "容量", "en": "Size"},
    "data.oldest": {"ja": "最も古いメール", "en": "Oldest"},
    "data.total": {"ja": "合計", "en": "Together"},
    "data.delete": {"ja": "メールを削除", "en": "Delete mail"},
    "data.delete.lead": {
        "ja": "選んだフォルダーのメールを完全に削除します。元に戻せません。",
        "en": "Deletes mail in the ticked folders for good.",
    },
    "data.age": {"ja": "削除するメール", "en": "Which mail"},
    "data.age.all": {"ja": "すべて", "en": "All of it"},
    "data.age.days": {"ja": "{days} 日より前に届いたメール", "en": "Older than {days} days"},
    "data.age.years": {"ja": "{years} 年より前に届いたメール", "en": "Older than {years} years"},
    "data.age.year": {"ja": "1 年より前に届いたメール", "en": "Older than a year"},
    "data.count": {"ja": "件数を確認", "en": "Count first"},
    "data.no_folder": {"ja": "フォルダーを選択してください。", "en": "Tick a folder first."},
    "data.confirm": {"ja": "削除の確認", "en": "Really delete?"},
    "data.confirm.lead": {
        "ja": "次のメール {messages} 通（{size}）を完全に削除します。元に戻せません。",
        "en": "This is deleted for good. Messages: {messages} ({size})",
    },
    "data.confirm.go": {"ja": "{messages} 通を削除", "en": "Delete messages: {messages}"},
    "data.nothing": {"ja": "当てはまるメールはありません。", "en": "There is no such mail."},
    "data.progress": {"ja": "削除しています", "en": "Deleting"},
    "data.progress.of": {
        "ja": "{of} 通のうち {done} 通を削除しました",
        "en": "Messages deleted: {done} of {of}",
    },
    "data.progress.stay": {
        "ja": "このページを閉じても処理は続きます。",
        "en": "It goes on when you leave this page.",
    },
    "data.progress.refresh": {"ja": "表示を更新", "en": "Look again"},
    "data.done": {"ja": "{done} 通を削除しました。", "en": "Messages deleted: {done}"},
    "data.failed": {
        "ja": "{of} 通のうち {done} 通を削除したところで中断しました。もう一度お試しください。",
        "en": "It stopped after {done} of {of} messages. Please try again.",
    },
    "folder.INBOX": {"ja": "受信トレイ", "en": "Inbox"},
    "folder.Sent": {"ja": "送信済み", "en": "Sent"},
    "folder.Drafts": {"ja": "下書き", "en": "Drafts"},
    "folder.Junk": {"ja": "迷惑メール", "en": "Junk"},
    "folder.Trash": {"ja": "ごみ箱", "en": "Trash"},
    "folder.Archive": {"ja": "アーカイブ", "en": "Archive"},
    # POP fetch
    "fetch.title": {"ja": "外部メールの取り込み（POP）", "en": "Fetch from another mailbox (POP)"},
    "fetch.lead": {
        "ja": "ほかのサービスの POP メールボックスに届いたメールを、このアカウントに取り込みます。",
        "en": "Mail in a POP mailbox elsewhere is brought into this account.",
    },
    "fetch.none": {"ja": "取り込みの設定はありません。", "en": "Nothing is fetched."},
    "fetch.add": {"ja": "取り込み元を追加", "en": "Add a mailbox"},
    "fetch.edit": {"ja": "取り込み元の編集", "en": "Edit mailbox"},
    "fetch.server": {"ja": "サーバー名", "en": "Server"},
    "fetch.port": {"ja": "ポート", "en": "Port"},
    "fetch.tls": {"ja": "暗号化", "en": "Encryption"},
    "fetch.tls.implicit": {"ja": "SSL/TLS（ポート 995、推奨）", "en": "SSL/TLS (port 995, recommended)"},
    "fetch.tls.starttls": {"ja": "STARTTLS（ポート 110）", "en": "STARTTLS (port 110)"},
    "fetch.tls.none": {
        "ja": "なし（パスワードが暗号化されません）",
        "en": "None: the password goes over the network as it is",
    },
    "fetch.login": {"ja": "ユーザー名", "en": "User name"},
    "fetch.password": {"ja": "パスワード", "en": "Password"},
    "fetch.password.help": {
        "ja": "暗号化して保存し、画面には表示しません。",
        "en": "Kept encrypted, and never shown.",
    },
    "fetch.password.same": {
        "ja": "変更しない場合は空欄のままにします。サーバー名かユーザー名を変えるときは入力が必要です。",
        "en": "Empty: as before. Another server or user name needs it again.",
    },
    "fetch.keep": {
        "ja": "取り込み元のサーバーにメールを残す",
        "en": "Leave the mail on the other server",
    },
    "fetch.enabled": {"ja": "取り込みを行う", "en": "Fetch from it"},
    "fetch.state": {"ja": "状態", "en": "State"},
    "fetch.saved": {"ja": "取り込み元を保存しました。", "en": "The mailbox is saved."},
    "fetch.deleted": {"ja": "取り込み元を削除しました。", "en": "The mailbox is not fetched any more."},
    # help
    "help.forward": {
        "ja": "転送先\n社内・社外のどちらのアドレスも、いくつでも指定できます。転送先の1つにエラーがあっ"
        "ても、ほかへの転送は続きます。\n\n"
        "残す・残さない\n［残さず転送だけする］を選ぶと、このメールボックスには届きません。転送先にエラ"
        "ーが出たときのお知らせだけが届きます。\n\n"
        "迷惑メール\n迷惑メールと判定されたメールは、サーバーの設定によっては転送しません。",
        "en": "Where to\nAddresses here and elsewhere, as many as you like. An error at one does not"
        " stop the others.\n\n"
        "Keeping a copy\nWithout one, nothing but notices of failed forwarding comes to this mailbox.\n\n"
        "Spam\nDepending on the server’s settings, what was found to be spam is not sent on.",
    },
    "help.autoreply": {
        "ja": "返信の回数\n同じ差出人には 7 日に1回だけ返信します。文面を変えると、新しい文面であらため"
        "て返信します。\n\n"
        "返信しないメール\nメーリングリスト、広告などの一斉配信、自動送信のメール、迷惑メール、宛先（To"
        "・Cc）に自分のアドレスがないメールには返信しません。\n\n"
        "期間\n開始日と終了日は、その日を含みます。過ぎると自動で止まります。",
        "en": "How often\nEach sender gets one reply in seven days; with a new text, a new one.\n\n"
        "What is not answered\nMailing lists, bulk mail, mail sent by programs, spam, and mail that does"
        " not name you in To"
        " or Cc.\n\nDays\nThe first and the last day are included. After the last day it stops by"
        " itself.",
    },
    "help.receiving": {
        "ja": "迷惑メールの判定\n届いたメールはすべて判定します。自動で削除することはありません。\n\n"
        "判定を直す\n迷惑メールでないものは迷惑メールフォルダーから出し、迷惑メールは迷惑メールフォルダ"
        "ーに移してください（IMAP）。"
        "サーバーが覚えて、次からの判定に生かします。",
        "en": "Judging\nAll mail that comes in is judged. Nothing is deleted by that.\n\n"
        "Teaching\nMove good mail out of Junk, and spam into it (IMAP): the server learns from that.",
    },
    "help.data": {
        "ja": "容量の目安\n上限の 80%、95%、100% に達すると、お知らせのメールが届きます。ごみ箱のメール"
        "は 31 日、受信トレイのメールは 180 日たつと"
        "それぞれ自動で削除、アーカイブへ移動します（管理者の設定により異なります）。\n\n"
        "削除\n日数は、メールがこのサーバーに届いた日から数えます。削除したメールは、メールソフトからも"
        "消えます。",
        "en": "Room\nNotices come at 80, 95 and 100 percent. Mail in Trash is deleted after 31 days,"
        " mail in the inbox moved to"
        " Archive after 180, unless your administrator has set it otherwise.\n\n"
        "Deleting\nAge counts from the day on which mail came to this server. What is deleted goes from"
        " your mail programs, too.",
    },
    "help.fetch": {
        "ja": "取り込み\nメールアドレスを移行したあと、以前のアドレスに届くメールも1か所で読めるようにし"
        "ます。取り込み元は 5 件まで登録できます。\n\n"
        "パスワード\nこのサーバーの鍵で暗号化して保存します。設定ファイルだけが漏れても読み取れません。",
        "en": "What for\nAfter moving to a new address, to read what still comes to the old one. Up to"
        " five mailboxes.\n\n"
        "The password\nIs kept encrypted with a key of this server: the settings’ file alone does not"
        " give it away.",
    },
}
