"""Texts of the pages about one's own password, second factor, app passwords and sessions, and of the audit log."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "security.title": {"ja": "パスワードとセキュリティ", "en": "Password and security"},
    "security.current": {"ja": "現在のパスワード", "en": "Current password"},
    "security.password": {"ja": "パスワードの変更", "en": "Change the password"},
    "security.password.lead": {
        "ja": "メールの送受信と管理画面で共通のパスワードです。変更すると、メールソフトの設定も変更が必要です。",
        "en": "The same for mail and panel. Your mail programs need the new one, too.",
    },
    "security.new": {"ja": "新しいパスワード", "en": "New password"},
    "security.again": {"ja": "新しいパスワード（確認）", "en": "New password again"},
    "security.differ": {
        "ja": "新しいパスワードと確認用の入力が一致しません。",
        "en": "The two new passwords are not the same.",
    },
    "security.password.done": {
        "ja": "パスワードを変更しました。ほかの端末ではログアウトされます。",
        "en": "Your password is changed. Elsewhere you are signed out.",
    },
    "factor.title": {"ja": "2 段階認証", "en": "Two-factor sign-in"},
    "factor.lead": {
        "ja": "管理画面へのログイン時に、パスワードに加えてスマートフォンの認証アプリのコードを確認します。",
        "en": "To sign in to this panel, a code from your phone is asked for besides the password.",
    },
    "factor.on": {"ja": "有効", "en": "On"},
    "factor.off": {"ja": "無効", "en": "Off"},
    "factor.left": {"ja": "残りのリカバリーコード：{count} 個", "en": "{count} recovery codes left"},
    "factor.begin": {"ja": "設定する", "en": "Set it up"},
    "factor.end": {"ja": "2 段階認証を無効にする", "en": "Switch it off"},
    "factor.step1": {
        "ja": "1. 認証アプリ（Google Authenticator、Microsoft Authenticator など）で QR コードを読み取ります。",
        "en": "1. Scan this with an authenticator app (Google, Microsoft, Aegis, …).",
    },
    "factor.qr": {"ja": "認証アプリ用の QR コード", "en": "QR code for the app"},
    "factor.secret": {
        "ja": "読み取れない場合は、次のキーを入力してください：",
        "en": "If you cannot scan it, type this key:",
    },
    "factor.step2": {
        "ja": "2. アプリに表示された 6 桁のコードと、現在のパスワードを入力します。",
        "en": "2. Type the six digits that the app shows, and your password.",
    },
    "factor.code": {"ja": "6 桁のコード", "en": "Six digits"},
    "factor.confirm": {"ja": "有効にする", "en": "Switch it on"},
    "factor.done": {
        "ja": "2 段階認証を有効にしました。",
        "en": "From now on a code is asked for.",
    },
    "factor.ended": {"ja": "2 段階認証を無効にしました。", "en": "It is off."},
    "factor.codes": {"ja": "リカバリーコード", "en": "Recovery codes"},
    "factor.codes.lead": {
        "ja": "スマートフォンを使えないときに、コードの代わりに 1 回ずつ使えます。この画面でのみ表示されます。"
        "印刷して安全な場所に保管してください。",
        "en": "Each works once in place of a code, should you lose the phone. They are shown only now: print them"
        " and keep them safe.",
    },
    "factor.codes.kept": {"ja": "保管しました", "en": "I have kept them"},
    "apps.title": {"ja": "アプリパスワード", "en": "App passwords"},
    "apps.lead": {
        "ja": "メールソフトや機器ごとの専用パスワードです。紛失した端末の分だけを無効にできます。"
        "管理画面には使えません。",
        "en": "One for each mail program or device, which can be taken back alone. They do not open this panel.",
    },
    "apps.name": {"ja": "名前（端末やメールソフト）", "en": "Name (device or program)"},
    "apps.name.help": {"ja": "例：iPhone、事務所の複合機", "en": "Such as: iPhone, office scanner"},
    "apps.created": {"ja": "作成日", "en": "Made on"},
    "apps.none": {"ja": "アプリパスワードはありません。", "en": "You have none."},
    "apps.add": {"ja": "作成する", "en": "Make one"},
    "apps.made": {"ja": "「{name}」のアプリパスワード", "en": "App password for {name}"},
    "apps.made.lead": {
        "ja": "このパスワードをメールソフトに入力してください。この画面でのみ表示されます。",
        "en": "Type it into the program. It is shown only now.",
    },
    "apps.deleted": {
        "ja": "アプリパスワードを削除しました。",
        "en": "The app password is taken back.",
    },
    "sessions.title": {"ja": "ログイン中の端末", "en": "Where you are signed in"},
    "sessions.browser": {"ja": "ブラウザー", "en": "Browser"},
    "sessions.from": {"ja": "接続元", "en": "From"},
    "sessions.since": {"ja": "ログイン日時", "en": "Since"},
    "sessions.used": {"ja": "最終操作", "en": "Last used"},
    "sessions.this": {"ja": "この端末", "en": "this one"},
    "sessions.end": {"ja": "ログアウトさせる", "en": "Sign out"},
    "sessions.end_others": {"ja": "ほかの端末をすべてログアウト", "en": "Sign out everywhere else"},
    "sessions.ended": {"ja": "ログアウトさせました。", "en": "Signed out there."},
    "browser.on": {"ja": "{browser}（{system}）", "en": "{browser} on {system}"},
    "browser.other": {"ja": "その他のブラウザー", "en": "another browser"},
    # signing in with it
    "code.title": {"ja": "2 段階認証", "en": "One more step"},
    "code.lead": {
        "ja": "認証アプリに表示されている 6 桁のコードを入力してください。",
        "en": "Type the six digits that your authenticator app shows.",
    },
    "code.code": {"ja": "コード", "en": "Code"},
    "code.help": {
        "ja": "スマートフォンを使えないときは、リカバリーコードを入力してください。",
        "en": "Without your phone, type one of your recovery codes.",
    },
    "code.refused": {
        "ja": "コードが正しくないか、有効期限が切れています。",
        "en": "That code is not right, or too old.",
    },
    # audit log
    "audit.title": {"ja": "操作履歴", "en": "Audit log"},
    "audit.lead": {
        "ja": "誰が、いつ、何を変更したかの記録です（400 日間保存）。",
        "en": "Who changed what, kept for 400 days.",
    },
    "audit.search": {"ja": "操作者、対象、内容で検索", "en": "Who, what, whom"},
    "audit.at": {"ja": "日時", "en": "When"},
    "audit.actor": {"ja": "操作者", "en": "Who"},
    "audit.action": {"ja": "操作", "en": "What"},
    "audit.subject": {"ja": "対象", "en": "Whom"},
    "audit.details": {"ja": "内容", "en": "Details"},
    "audit.link": {"ja": "リスト管理者（承認リンク）", "en": "the list’s owner, by the link"},
    "audit.peer": {"ja": "接続元", "en": "From"},
    "audit.older": {"ja": "以前の記録を表示", "en": "Older ones"},
    "audit.newest": {"ja": "最新に戻る", "en": "Back to the latest"},
    "audit.csv": {"ja": "CSV で出力", "en": "As CSV"},
    "audit.none": {"ja": "記録はありません", "en": "Nothing yet"},
}

# What the log calls an act (the value of a `Right`, or one of the few others).
ACTIONS: dict[str, dict[Language, str]] = {
    "session.begin": {"ja": "ログイン", "en": "signed in"},
    "session.end": {"ja": "ログアウト", "en": "signed out"},
    "own.security": {"ja": "セキュリティ設定の変更", "en": "own security"},
    "own.tokens": {"ja": "API トークンの変更", "en": "API tokens"},
    "account.create": {"ja": "アカウントの追加", "en": "account added"},
    "account.delete": {"ja": "アカウントの削除", "en": "account deleted"},
    "account.change": {"ja": "アカウントの変更", "en": "account changed"},
    "account.limit": {"ja": "容量の変更", "en": "limit"},
    "account.comment": {"ja": "備考の変更", "en": "comment"},
    "account.aliases": {"ja": "別名の変更", "en": "aliases"},
    "account.suspend": {"ja": "利用停止・再開", "en": "suspension"},
    "account.unlock": {"ja": "ロックの解除", "en": "unlocked"},
    "account.hold": {"ja": "送信保留・解除", "en": "sending held or let go"},
    "account.password": {"ja": "パスワードの変更", "en": "password"},
    "account.two-factor-off": {"ja": "2 段階認証の解除", "en": "two-factor off"},
    "account.spam": {"ja": "迷惑メール設定", "en": "spam settings"},
    "account.forward": {"ja": "転送設定", "en": "forwarding"},
    "account.autoreply": {"ja": "自動返信設定", "en": "automatic reply"},
    "account.receive": {"ja": "受信オン・オフ", "en": "receiving"},
    "account.delete-mail": {"ja": "メールの削除", "en": "mail deleted"},
    "account.migrate": {"ja": "メールの移行", "en": "mail copied"},
    "account.pop-fetch": {"ja": "POP 受信の設定", "en": "POP fetch"},
    "domain.settings": {"ja": "ドメイン設定の変更", "en": "domain settings"},
    "domain.administrators": {"ja": "管理者の変更", "en": "administrators"},
    "domain.create": {"ja": "ドメインの追加", "en": "domain added"},
    "domain.delete": {"ja": "ドメインの削除", "en": "domain deleted"},
    "domain.capacity": {"ja": "契約容量の変更", "en": "capacity"},
    "lists.edit": {"ja": "メーリングリストの変更", "en": "mailing list"},
    "forwards.edit": {"ja": "転送専用アドレスの変更", "en": "forward-only address"},
    "queue.edit": {"ja": "送信キューの操作", "en": "queue"},
    "notices.edit": {"ja": "お知らせの変更", "en": "notice"},
    "tokens.edit": {"ja": "API トークンの変更", "en": "API tokens"},
}
TEXTS |= {f"action.{key}": texts for key, texts in ACTIONS.items()}
