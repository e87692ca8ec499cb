"""Texts of the settings for mail programs."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "title": {"ja": "メールの設定", "en": "Mail settings"},
    "lead": {
        "ja": "お使いのメールソフトに、下の値をそのまま入力してください。",
        "en": "Type these values into your mail program, exactly as they stand here.",
    },
    "login.name": {"ja": "ユーザー名", "en": "User name"},
    "login.name.value": {
        "ja": "メールアドレス全体（例: taro@example.jp）",
        "en": "your whole address, such as taro@example.jp",
    },
    "login.password": {"ja": "パスワード", "en": "Password"},
    "login.password.value": {
        "ja": "管理者から受け取ったもの（受信・送信とも同じ）",
        "en": "the one your administrator gave you, the same for receiving and sending",
    },
    "login.method": {"ja": "認証方式", "en": "Authentication"},
    "login.method.value": {"ja": "通常のパスワード認証", "en": "normal password"},
    "servers": {"ja": "サーバー", "en": "Servers"},
    "servers.use": {"ja": "用途", "en": "For"},
    "servers.name": {"ja": "サーバー名", "en": "Server name"},
    "servers.port": {"ja": "ポート", "en": "Port"},
    "servers.encryption": {"ja": "暗号化", "en": "Encryption"},
    "use.imap": {"ja": "受信 (IMAP)", "en": "Receiving (IMAP)"},
    "use.pop3": {"ja": "受信 (POP3)", "en": "Receiving (POP3)"},
    "use.smtp": {"ja": "送信 (SMTP)", "en": "Sending (SMTP)"},
    "encryption.tls": {"ja": "SSL/TLS", "en": "SSL/TLS"},
    "encryption.starttls": {"ja": "STARTTLS", "en": "STARTTLS"},
    "recommended": {"ja": "推奨", "en": "recommended"},
    "which": {
        "ja": "パソコンとスマートフォンの両方で読むなら IMAP、1台のパソコンだけで保存するなら POP3 を選びます。",
        "en": "Choose IMAP to read your mail on several devices, POP3 to keep it on a single computer.",
    },
    "programs": {"ja": "メールソフト別の手順", "en": "Step by step"},
    "outlook.name": {"ja": "Outlook (Windows)", "en": "Outlook (Windows)"},
    "outlook.1": {
        "ja": "［ファイル］→［アカウントの追加］でメールアドレスを入力し、［詳細オプション］の"
        "［自分で自分のアカウントを手動で設定］にチェックを入れて［接続］。",
        "en": "File › Add Account: type your address, open Advanced options, tick “Let me set up my account"
        " manually”, Connect.",
    },
    "outlook.2": {"ja": "種類に［IMAP］を選びます。", "en": "Choose IMAP."},
    "outlook.3": {
        "ja": "受信メール {imap_host}、ポート {imap_port}、暗号化方法［{imap_outlook}］。"
        "送信メール {smtp_host}、ポート {smtp_port}、暗号化方法［{smtp_outlook}］。",
        "en": "Incoming mail {imap_host}, port {imap_port}, encryption {imap_outlook}. Outgoing mail {smtp_host},"
        " port {smtp_port}, encryption {smtp_outlook}.",
    },
    "outlook.4": {
        "ja": "［セキュリティで保護されたパスワード認証 (SPA)］にはチェックを入れません。",
        "en": "Leave “Secure Password Authentication (SPA)” unticked.",
    },
    "becky.name": {"ja": "Becky! Internet Mail", "en": "Becky! Internet Mail"},
    "becky.1": {
        "ja": "［ファイル］→［メールボックス］→［新規作成］→［作成］。",
        "en": "File › Mailbox › New › Create.",
    },
    "becky.2": {
        "ja": "［基本設定］でプロトコルに IMAP（または POP3）を選び、受信サーバーに {imap_host}、送信サーバーに"
        " {smtp_host}、ユーザー ID にメールアドレス全体を入力します。",
        "en": "General: choose IMAP (or POP3); incoming server {imap_host}, outgoing server {smtp_host}, user ID"
        " your whole address.",
    },
    "becky.3": {
        "ja": "受信・送信とも［OP25B/SMTPS を使用］など SSL の項目をオンにし、［詳細］でポートを"
        " IMAPS {imap_port}、SMTPS {smtp_port} にします。",
        "en": "Switch SSL on for both, and under Details set the ports: IMAPS {imap_port}, SMTPS {smtp_port}.",
    },
    "becky.4": {
        "ja": "［詳細］で［SMTP 認証］をオン、方式は［PLAIN］または［LOGIN］。",
        "en": "Under Details tick SMTP authentication, with PLAIN or LOGIN.",
    },
    "thunderbird.name": {"ja": "Thunderbird", "en": "Thunderbird"},
    "thunderbird.1": {
        "ja": "［新しいアカウント］→［メール］で名前、メールアドレス、パスワードを入力して［続ける］。",
        "en": "New Account › Mail: type name, address and password, Continue.",
    },
    "thunderbird.2": {
        "ja": "設定が自動で見つからないときは［手動設定］: 受信 IMAP {imap_host} ポート {imap_port} {imap_tls}、"
        "送信 {smtp_host} ポート {smtp_port} {smtp_tls}。",
        "en": "If it finds no settings, Configure manually: incoming IMAP {imap_host} port {imap_port} {imap_tls},"
        " outgoing {smtp_host} port {smtp_port} {smtp_tls}.",
    },
    "thunderbird.3": {
        "ja": "認証方式は［通常のパスワード認証］、ユーザー名はメールアドレス全体です。",
        "en": "Authentication is Normal password, the user name your whole address.",
    },
    "phone.name": {"ja": "iPhone・Android", "en": "iPhone and Android"},
    "phone.1": {
        "ja": "iPhone: ［設定］→［アプリ］→［メール］→［アカウントを追加］→［その他］。Android: Gmail アプリの"
        "［別のアカウントを追加］→［その他］。",
        "en": "iPhone: Settings › Apps › Mail › Add Account › Other. Android: in the Gmail app, Add another account"
        " › Other.",
    },
    "phone.2": {
        "ja": "［IMAP］を選び、受信メールサーバー {imap_host}、送信メールサーバー {smtp_host} を入力します。",
        "en": "Choose IMAP; incoming server {imap_host}, outgoing server {smtp_host}.",
    },
    "phone.3": {
        "ja": "送信メールサーバーの［ユーザ名］と［パスワード］は「オプション」と表示されても必ず入力します。",
        "en": "Fill in user name and password for the outgoing server too, even where it says “optional”.",
    },
    "phone.4": {
        "ja": "SSL を使用: オン。ポート: 受信 {imap_port}、送信 {smtp_port}。",
        "en": "Use SSL: on. Ports: incoming {imap_port}, outgoing {smtp_port}.",
    },
    "about": {"ja": "このサーバーについて", "en": "About this server"},
    "about.name": {"ja": "サーバー", "en": "Server"},
    "about.size": {"ja": "メール1通の上限（送受信とも）", "en": "Largest message, sent or received"},
    "about.connections": {
        "ja": "IMAP の同時接続数（1アカウント）",
        "en": "IMAP connections of one account at once",
    },
    "about.tls": {"ja": "TLS の最低バージョン", "en": "Oldest TLS version"},
}
