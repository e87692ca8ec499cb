"""Texts of the settings for mail programs."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "programs.title": {"ja": "メールソフトの設定", "en": "Mail program settings"},
    "programs.lead": {
        "ja": "お使いのメールソフトに、下の値をそのまま入力してください。",
        "en": "Type these values into your mail program, exactly as they stand here.",
    },
    "programs.address": {"ja": "メールアドレス", "en": "Mail address"},
    "programs.address.help": {
        "ja": "入力すると、ご自分のアドレスに合わせた設定と、iPhone・iPad 用の設定プロファイルを表示します。",
        "en": "With it this page shows your own values, and a profile that sets up an iPhone or iPad.",
    },
    "programs.address.show": {"ja": "設定を表示", "en": "Show my settings"},
    "programs.values": {"ja": "入力する値", "en": "What to type"},
    "programs.login.name": {"ja": "ユーザー名", "en": "User name"},
    "programs.login.name.value": {
        "ja": "メールアドレス全体（例: taro@example.jp）",
        "en": "your whole address, such as taro@example.jp",
    },
    "programs.login.password": {"ja": "パスワード", "en": "Password"},
    "programs.login.password.value": {
        "ja": "管理者から受け取ったもの（受信・送信とも同じ）",
        "en": "the one your administrator gave you, the same for receiving and sending",
    },
    "programs.login.password.own": {
        "ja": "ログインのパスワード、または「パスワードとセキュリティ」で作るアプリパスワード（受信・送"
        "信とも同じ）",
        "en": "the one you sign in with, or an app password from “Password and security”;"
        " the same for receiving and sending",
    },
    "programs.login.method": {"ja": "認証方式", "en": "Authentication"},
    "programs.login.method.value": {"ja": "通常のパスワード認証", "en": "normal password"},
    "programs.servers": {"ja": "サーバー", "en": "Servers"},
    "programs.servers.use": {"ja": "用途", "en": "For"},
    "programs.servers.name": {"ja": "サーバー名", "en": "Server name"},
    "programs.servers.port": {"ja": "ポート", "en": "Port"},
    "programs.servers.encryption": {"ja": "暗号化", "en": "Encryption"},
    "programs.use.imap": {"ja": "受信 (IMAP)", "en": "Receiving (IMAP)"},
    "programs.use.pop3": {"ja": "受信 (POP3)", "en": "Receiving (POP3)"},
    "programs.use.smtp": {"ja": "送信 (SMTP)", "en": "Sending (SMTP)"},
    "programs.recommended": {"ja": "推奨", "en": "recommended"},
    "programs.which": {
        "ja": "パソコンとスマートフォンの両方で読むなら IMAP、1台のパソコンだけに保存するなら POP3 を選"
        "びます。",
        "en": "Choose IMAP to read your mail on several devices, POP3 to keep it on a single computer.",
    },
    "programs.phone": {"ja": "スマートフォンで使う", "en": "On a phone"},
    "programs.phone.scan": {
        "ja": "カメラで QR コードを読み取ると、この画面がスマートフォンで開きます。",
        "en": "Point the phone’s camera at this code: it opens this page on the phone.",
    },
    "programs.phone.qr": {"ja": "この画面を開く QR コード", "en": "QR code that opens this page"},
    "programs.profile": {"ja": "設定プロファイルをダウンロード", "en": "Download the profile"},
    "programs.profile.lead": {
        "ja": "iPhone・iPad・Mac は、設定プロファイルを開くだけで設定できます。パスワードは途中で入力し"
        "ます。",
        "en": "An iPhone, iPad or Mac is set up by opening this profile. It asks for your password on"
        " the way.",
    },
    "programs.profile.where": {
        "ja": "ダウンロードしたら、iPhone・iPad では［設定］の上部に出る［ダウンロード済みのプロファイル］"
        "を開き、"
        "［インストール］をタップします。",
        "en": "Then, on an iPhone or iPad, open Settings, tap “Profile Downloaded” near the top, and"
        " Install.",
    },
    "programs.profile.name": {"ja": "{address} のメール", "en": "Mail of {address}"},
    "programs.profile.description": {
        "ja": "{hostname} のメールを送受信するための設定です。",
        "en": "Settings for sending and receiving mail at {hostname}.",
    },
    "programs.steps": {"ja": "メールソフト別の手順", "en": "Step by step"},
    "programs.outlook": {"ja": "Outlook (Windows)", "en": "Outlook (Windows)"},
    "programs.outlook.1": {
        "ja": "［ファイル］→［アカウントの追加］でメールアドレスを入力し、［詳細オプション］の"
        "［自分で自分のアカウントを手動で設定］にチェックを入れて［接続］を押します。",
        "en": "File › Add Account: type your address, open Advanced options, tick “Let me set up my"
        " account"
        " manually”, Connect.",
    },
    "programs.outlook.2": {
        "ja": "種類に［IMAP］を選びます。ここでサーバーの値が入力済みなら、そのまま次へ進みます。",
        "en": "Choose IMAP. Where the servers are filled in already, just go on.",
    },
    "programs.outlook.3": {
        "ja": "受信メールは {imap_host}、ポート {imap_port}、暗号化方法［{imap_tls}］。"
        "送信メールは {smtp_host}、ポート {smtp_port}、暗号化方法［{smtp_tls}］。",
        "en": "Incoming mail {imap_host}, port {imap_port}, encryption {imap_tls}. Outgoing mail"
        " {smtp_host},"
        " port {smtp_port}, encryption {smtp_tls}.",
    },
    "programs.outlook.4": {
        "ja": "［セキュリティで保護されたパスワード認証 (SPA)］にはチェックを入れません。",
        "en": "Leave “Secure Password Authentication (SPA)” unticked.",
    },
    "programs.becky": {"ja": "Becky! Internet Mail", "en": "Becky! Internet Mail"},
    "programs.becky.1": {
        "ja": "［ファイル］→［メールボックス］→［新規作成］を選び、［作成］を押します。",
        "en": "File › Mailbox › New, then Create.",
    },
    "programs.becky.2": {
        "ja": "［基本設定］でプロトコルに IMAP（または POP3）を選び、受信サーバーに {imap_host}、送信サ"
        "ーバーに"
        " {smtp_host}、ユーザー ID に {login} を入力します。",
        "en": "General: choose IMAP (or POP3); incoming server {imap_host}, outgoing server {smtp_host},"
        " user ID {login}.",
    },
    "programs.becky.3": {
        "ja": "受信・送信それぞれの SSL（IMAP4S／POP3S、SMTPS）にチェックを入れ、［詳細］でポート番号を"
        "受信 {imap_port}、送信 {smtp_port} にします。",
        "en": "Tick SSL for receiving and sending (IMAP4S or POP3S, SMTPS), and under Details set the"
        " ports:"
        " receiving {imap_port}, sending {smtp_port}.",
    },
    "programs.becky.4": {
        "ja": "［詳細］の［SMTP 認証］にチェックを入れ、方式は［PLAIN］または［LOGIN］にします。",
        "en": "Under Details tick SMTP authentication, with PLAIN or LOGIN.",
    },
    "programs.thunderbird": {"ja": "Thunderbird", "en": "Thunderbird"},
    "programs.thunderbird.1": {
        "ja": "［新しいアカウント］→［メール］で名前、メールアドレス、パスワードを入力し、［続ける］を押"
        "します。"
        "設定は自動で見つかります。",
        "en": "New Account › Mail: type name, address and password, Continue. The settings are found by"
        " themselves.",
    },
    "programs.thunderbird.2": {
        "ja": "見つからないときは［手動設定］で、受信 IMAP {imap_host} ポート {imap_port} {imap_tls}、"
        "送信 {smtp_host} ポート {smtp_port} {smtp_tls} を入力します。",
        "en": "If not, Configure manually: incoming IMAP {imap_host} port {imap_port} {imap_tls},"
        " outgoing {smtp_host} port {smtp_port} {smtp_tls}.",
    },
    "programs.thunderbird.3": {
        "ja": "認証方式は［通常のパスワード認証］、ユーザー名は {login} です。",
        "en": "Authentication is Normal password, the user name {login}.",
    },
    "programs.iphone": {"ja": "iPhone・iPad", "en": "iPhone and iPad"},
    "programs.iphone.1": {
        "ja": "上の設定プロファイルを使うのが簡単です。手動では［設定］→［アプリ］→［メール］→［メールア"
        "カウント］→"
        "［アカウントを追加］→［その他］→［メールアカウントを追加］を開きます。",
        "en": "The profile above is the easy way. By hand: Settings › Apps › Mail › Mail Accounts › Add"
        " Account ›"
        " Other › Add Mail Account.",
    },
    "programs.iphone.2": {
        "ja": "名前、メールアドレス、パスワードを入力し、［IMAP］を選びます。",
        "en": "Type name, address and password, and choose IMAP.",
    },
    "programs.iphone.3": {
        "ja": "受信メールサーバーに {imap_host}、送信メールサーバーに {smtp_host}、どちらもユーザ名"
        " {login} を入力します。"
        "送信側は「オプション」と表示されても、ユーザ名とパスワードを必ず入力します。",
        "en": "Incoming server {imap_host}, outgoing server {smtp_host}, both with the user name {login}"
        ". Fill in"
        " user name and password for the outgoing server too, even where it says “optional”.",
    },
    "programs.iphone.4": {
        "ja": "保存後、［詳細］で SSL を使用: オン、ポートが受信 {imap_port}、送信 {smtp_port} であるこ"
        "とを確かめます。",
        "en": "Afterwards see under Advanced that SSL is on, and the ports are {imap_port} for receiving"
        " and"
        " {smtp_port} for sending.",
    },
    "programs.android": {"ja": "Android（Gmail アプリ）", "en": "Android (Gmail app)"},
    "programs.android.1": {
        "ja": "Gmail アプリ右上のアイコン →［別のアカウントを追加］→［その他］を選び、メールアドレスを入"
        "力します。",
        "en": "In the Gmail app tap your picture, Add another account, Other, and type your address.",
    },
    "programs.android.2": {
        "ja": "［個人用 (IMAP)］を選び、パスワードを入力します。",
        "en": "Choose Personal (IMAP) and type the password.",
    },
    "programs.android.3": {
        "ja": "受信サーバーは {imap_host}、ポート {imap_port}、セキュリティの種類［{imap_tls}］、ユーザ"
        "ー名は {login}。",
        "en": "Incoming server {imap_host}, port {imap_port}, security type {imap_tls}, user name {login}.",
    },
    "programs.android.4": {
        "ja": "送信サーバーは {smtp_host}、ポート {smtp_port}、セキュリティの種類［{smtp_tls}］。［ログ"
        "インが必要］はオンにします。",
        "en": "Outgoing server {smtp_host}, port {smtp_port}, security type {smtp_tls}; Require sign-in"
        " stays on.",
    },
    "programs.about": {"ja": "このサーバーについて", "en": "About this server"},
    "programs.about.name": {"ja": "サーバー", "en": "Server"},
    "programs.about.size": {
        "ja": "メール1通の上限（送受信とも）",
        "en": "Largest message, sent or received",
    },
    "programs.about.connections": {
        "ja": "IMAP の同時接続数（1アカウント）",
        "en": "IMAP connections of one account at once",
    },
    "programs.about.tls": {"ja": "TLS の最低バージョン", "en": "Oldest TLS version"},
}
