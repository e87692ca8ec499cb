"""Texts of the notices, and of whom to ask."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "notices.title": {"ja": "お知らせ", "en": "Notices"},
    "notices.lead": {
        "ja": "障害・メンテナンス情報と、サービスからのお知らせです。",
        "en": "Incidents, maintenance and news of this service.",
    },
    "notices.new": {"ja": "お知らせを作成", "en": "New notice"},
    "notices.edit": {"ja": "お知らせを編集", "en": "Edit the notice"},
    "notices.none": {
        "ja": "現在、お知らせはありません",
        "en": "There is nothing to tell just now",
    },
    "notices.none.lead": {
        "ja": "サービスは通常どおりご利用いただけます。",
        "en": "The service runs as usual.",
    },
    "notices.past": {"ja": "過去のお知らせ", "en": "Past notices"},
    "notices.open": {"ja": "継続中", "en": "still open"},
    "notices.more": {"ja": "詳しく見る", "en": "More"},
    "notices.kind": {"ja": "種類", "en": "Kind"},
    "notices.kind.incident": {"ja": "障害", "en": "Incident"},
    "notices.kind.maintenance": {"ja": "メンテナンス", "en": "Maintenance"},
    "notices.kind.news": {"ja": "お知らせ", "en": "News"},
    "notices.audience": {"ja": "公開範囲", "en": "For"},
    "notices.audience.everybody": {"ja": "すべての利用者", "en": "everybody"},
    "notices.audience.administrators": {"ja": "管理者のみ", "en": "administrators only"},
    "notices.begins": {"ja": "開始日時", "en": "Begins"},
    "notices.ends": {"ja": "終了日時", "en": "Ends"},
    "notices.ends.help": {
        "ja": "未定の場合は空欄にします。終了まで、全ページの上部に表示されます。",
        "en": "Empty while it is not known. Until then it stands above every page.",
    },
    "notices.title_ja": {"ja": "タイトル（日本語）", "en": "Title in Japanese"},
    "notices.title_en": {"ja": "タイトル（英語）", "en": "Title in English"},
    "notices.text_ja": {"ja": "本文（日本語）", "en": "Text in Japanese"},
    "notices.text_en": {"ja": "本文（英語）", "en": "Text in English"},
    "notices.languages": {
        "ja": "一方が空欄の場合は、もう一方の言語で表示します。",
        "en": "Where one language is empty, the other is shown.",
    },
    "notices.publish": {"ja": "公開する", "en": "Publish"},
    "notices.published": {"ja": "お知らせを公開しました。", "en": "The notice is published."},
    "notices.end": {"ja": "終了にする", "en": "It is over"},
    "notices.ended": {"ja": "お知らせを終了にしました。", "en": "The notice has ended."},
    "notices.deleted": {"ja": "お知らせを削除しました。", "en": "The notice is deleted."},
    "notices.mail": {"ja": "管理者にメールで通知", "en": "Mail to administrators"},
    "notices.mail.again": {"ja": "管理者にもう一度通知", "en": "Mail to administrators again"},
    "notices.mail.too": {
        "ja": "すべてのドメイン管理者にメールでも知らせる",
        "en": "Also by mail to every administrator of every domain",
    },
    "notices.mailed": {
        "ja": "管理者 {count} 名にメールで通知しました。",
        "en": "Administrators told by mail: {count}",
    },
    "notices.mailed.at": {"ja": "{at} にメール済み", "en": "mailed {at}"},
    "contact.title": {"ja": "お問い合わせ・サーバー情報", "en": "Contact and server information"},
    "contact.support": {"ja": "サポートサイト", "en": "Support site"},
    "contact.manual": {"ja": "マニュアル", "en": "Manual"},
    "contact.none": {
        "ja": "お困りのときは、お客様のドメインの管理者にお問い合わせください。",
        "en": "Ask the administrator of your domain.",
    },
    "contact.server": {"ja": "サーバー情報", "en": "Server"},
    "contact.use": {"ja": "用途", "en": "For"},
    "contact.use.imap": {"ja": "受信（IMAP）", "en": "Receiving (IMAP)"},
    "contact.use.pop3": {"ja": "受信（POP3）", "en": "Receiving (POP3)"},
    "contact.use.smtp": {"ja": "送信（SMTP）", "en": "Sending (SMTP)"},
    "contact.host": {"ja": "サーバー名", "en": "Server"},
    "contact.port": {"ja": "ポート", "en": "Port"},
    "contact.encryption": {"ja": "暗号化", "en": "Encryption"},
    "contact.max_message": {
        "ja": "メール1通の上限（送受信とも）",
        "en": "Largest message, sent or received",
    },
    "contact.connections": {
        "ja": "IMAP の同時接続数（1アカウント）",
        "en": "IMAP connections of one account at once",
    },
}
