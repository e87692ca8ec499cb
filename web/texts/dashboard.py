"""Texts of the start pages: dashboards of a domain and of the server, and the user's own."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "dash.title": {"ja": "ダッシュボード", "en": "Dashboard"},
    "dash.server": {"ja": "サーバー全体", "en": "The whole server"},
    "dash.span": {"ja": "期間", "en": "Time"},
    "dash.span.day": {"ja": "24時間", "en": "24 hours"},
    "dash.span.week": {"ja": "7日間", "en": "7 days"},
    "dash.span.month": {"ja": "30日間", "en": "30 days"},
    "dash.span.quarter": {"ja": "90日間", "en": "90 days"},
    "dash.flow": {"ja": "送受信", "en": "Received and sent"},
    "dash.flow.desc": {
        "ja": "{span}に受信 {received} 通、送信 {sent} 通。",
        "en": "In {span}: {received} received, {sent} sent.",
    },
    "dash.trouble": {"ja": "迷惑メール・ウイルス・拒否・エラー", "en": "Spam, viruses, refusals, errors"},
    "dash.trouble.desc": {
        "ja": "{span}に迷惑メール {spam} 通、ウイルス {virus} 通、受信拒否 {refused} 件、再送待ち"
        " {deferred} 件、"
        "配信不能 {failed} 件。",
        "en": "In {span}: {spam} spam, {virus} with a virus, {refused} refused, {deferred} put off,"
        " {failed} undeliverable.",
    },
    "dash.received": {"ja": "受信", "en": "Received"},
    "dash.sent": {"ja": "送信", "en": "Sent"},
    "dash.spam": {"ja": "迷惑メール", "en": "Spam"},
    "dash.virus": {"ja": "ウイルス", "en": "Virus"},
    "dash.refused": {"ja": "受信拒否", "en": "Refused"},
    "dash.deferred": {"ja": "再送待ち", "en": "Put off"},
    "dash.failed": {"ja": "配信不能", "en": "Undeliverable"},
    "dash.table": {"ja": "表で見る", "en": "As a table"},
    "dash.when": {"ja": "日時", "en": "When"},
    "dash.no_mail": {"ja": "この期間のメールはありません。", "en": "No mail in this time."},
    "dash.today": {"ja": "{span}の合計", "en": "In {span}"},
    "dash.capacity": {"ja": "契約容量", "en": "Capacity of the contract"},
    "dash.given": {"ja": "割り当て済み", "en": "Given to accounts"},
    "dash.used": {"ja": "使用量", "en": "Used"},
    "dash.accounts": {"ja": "アカウント", "en": "Accounts"},
    "dash.accounts.count": {"ja": "{count} 件", "en": "{count}"},
    "dash.lists": {"ja": "メーリングリスト", "en": "Mailing lists"},
    "dash.largest": {"ja": "使用量の多いアカウント", "en": "Accounts that use the most"},
    "dash.all_accounts": {"ja": "すべてのアカウント", "en": "All accounts"},
    "dash.attention": {"ja": "ご確認ください", "en": "Needs a look"},
    "dash.attention.waiting": {
        "ja": "{list} に承認待ちの投稿が {count} 件あります",
        "en": "{count} posts wait at {list}",
    },
    "dash.attention.full": {
        "ja": "容量が 80% を超えたアカウントが {count} 件あります",
        "en": "Accounts more than 80% full: {count}",
    },
    "dash.attention.locked": {
        "ja": "ロック中のアカウントが {count} 件あります",
        "en": "Locked accounts: {count}",
    },
    "dash.attention.held": {
        "ja": "送信を停止中のアカウントが {count} 件あります",
        "en": "Accounts that may not send just now: {count}",
    },
    "dash.attention.none": {"ja": "特にありません。", "en": "Nothing."},
    "dash.queue": {"ja": "送信キュー", "en": "Queue"},
    "dash.queue.messages": {"ja": "送信待ち", "en": "Messages"},
    "dash.queue.oldest": {"ja": "最も古いもの", "en": "Oldest"},
    "dash.queue.none": {"ja": "送信待ちのメールはありません。", "en": "Nothing waits."},
    "dash.queue.lane": {"ja": "宛先", "en": "Destination"},
    "dash.queue.recipients": {"ja": "件数", "en": "Recipients"},
    "dash.domains": {"ja": "ドメイン別の使用量", "en": "Use by domain"},
    "dash.domain": {"ja": "ドメイン", "en": "Domain"},
    # the user's own
    "own.title": {"ja": "ご利用状況", "en": "Overview"},
    "own.usage": {"ja": "メールボックスの使用量", "en": "Use of the mailbox"},
    "own.messages": {"ja": "{count} 通", "en": "Messages: {count}"},
    "own.folders": {"ja": "フォルダー別に見る・削除する", "en": "By folder; delete mail"},
    "own.full": {
        "ja": "容量が残りわずかです。いっぱいになるとメールを受信できません。不要なメールを削除してくだ"
        "さい。",
        "en": "There is little room left; when it is full no more mail comes in. Please delete what is"
        " not needed.",
    },
    "own.settings": {"ja": "現在の設定", "en": "How it is set"},
    "own.forward": {"ja": "転送", "en": "Forwarding"},
    "own.forward.to": {"ja": "{to} へ転送", "en": "to {to}"},
    "own.forward.only": {"ja": "メールボックスには残しません", "en": "no copy is kept"},
    "own.autoreply": {"ja": "自動返信", "en": "Automatic reply"},
    "own.receiving": {"ja": "受信", "en": "Receiving"},
    "own.spam": {"ja": "迷惑メール", "en": "Spam"},
    "own.spam.tag": {"ja": "件名に [SPAM]", "en": "[SPAM] in the subject"},
    "own.spam.junk": {"ja": "迷惑メールフォルダーへ", "en": "goes to Junk"},
    "own.fetch": {"ja": "外部メールの取り込み", "en": "Fetched from elsewhere"},
    "own.aliases": {"ja": "別名アドレス", "en": "Other addresses of yours"},
    "own.change": {"ja": "変更", "en": "Change"},
    "own.held": {
        "ja": "このアカウントからの送信は停止されています。管理者にお問い合わせください。",
        "en": "Sending from this account is held. Ask your administrator.",
    },
    "own.quick": {"ja": "よく使う操作", "en": "Quick links"},
    "own.quick.programs": {"ja": "メールソフトを設定する", "en": "Set up a mail program"},
    "own.quick.password": {"ja": "パスワードを変更する", "en": "Change the password"},
    "own.quick.autoreply": {"ja": "休暇の自動返信を設定する", "en": "Set an automatic reply"},
    "own.quick.contact": {"ja": "お問い合わせ先を見る", "en": "Whom to ask"},
    "own.last": {"ja": "最近のログイン", "en": "Last logins"},
    "help.dashboard": {
        "ja": "数え方\n受信は、このドメイン宛てに届いて受け取ったメールの通数です（宛先が複数でも1通）。"
        "送信は、このドメインのアカウントが"
        "送ったメールです。迷惑メールとウイルスは受信の内数です。受信拒否は、宛先不明などで受け取らなか"
        "った件数です。\n\n"
        "再送待ち・配信不能\n相手のサーバーが受け取らず後でもう一度送るものが再送待ち、最終的に届けられ"
        "なかったものが配信不能です。"
        "1通ごとの経過は［メールの追跡］で調べられます。",
        "en": "What is counted\nReceived: mail that was accepted for this domain, once each. Sent: mail"
        " of its accounts. Spam"
        " and viruses are among the received. Refused: what was not accepted, such as for unknown"
        " addresses.\n\n"
        "Put off, undeliverable\nWhat another server did not take yet is tried again; what it never took"
        " is undeliverable."
        " “Where is my mail” tells the story of each message.",
    },
    # forward-only addresses
    "forwards.title": {"ja": "転送専用アドレス", "en": "Forward-only addresses"},
    "forwards.lead": {
        "ja": "メールボックスを持たず、届いたメールを転送するだけのアドレスです。",
        "en": "Addresses without a mailbox: what comes in is sent on.",
    },
    "forwards.new": {"ja": "転送専用アドレスを作成", "en": "New address"},
    "forwards.edit": {"ja": "転送専用アドレスの編集", "en": "Edit address"},
    "forwards.none": {
        "ja": "転送専用アドレスはまだありません",
        "en": "There are no forward-only addresses yet",
    },
    "forwards.none.lead": {
        "ja": "info@ など、複数の担当者に届けたいアドレスに便利です。",
        "en": "Good for addresses such as info@ that several people are to get.",
    },
    "forwards.address": {"ja": "アドレス", "en": "Address"},
    "forwards.to": {"ja": "転送先", "en": "Goes to"},
    "forwards.to.help": {"ja": "1行に1つ入力します。", "en": "One address in a line."},
    "forwards.search": {"ja": "アドレス・転送先で検索", "en": "Search addresses"},
    "forwards.made": {"ja": "{address} を作成しました。", "en": "{address} is made."},
    "forwards.deleted": {"ja": "{address} を削除しました。", "en": "{address} is deleted."},
    "forwards.delete.lead": {
        "ja": "{address} を削除すると、このアドレスへのメールは受け取れなくなります。",
        "en": "Nothing sent to {address} arrives any more.",
    },
    "help.forwards": {
        "ja": "使い分け\nメールボックスが必要なときはメールアカウント、メンバーどうしで返信し合うときは"
        "メーリングリスト、届けるだけなら転送専用アドレスが便利です。"
        "容量は使いません。",
        "en": "Which is which\nAn account has a mailbox; a mailing list is for people who answer one"
        " another; this only sends on,"
        " and takes no room.",
    },
}
