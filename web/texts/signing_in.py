"""Texts of signing in and out."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "login.title": {"ja": "ログイン", "en": "Sign in"},
    "login.lead": {
        "ja": "メールアドレスとパスワードを入力してください。",
        "en": "With your mail address and its password.",
    },
    "login.address": {"ja": "メールアドレス", "en": "Mail address"},
    "login.secret": {"ja": "パスワード", "en": "Password"},
    "login.submit": {"ja": "ログイン", "en": "Sign in"},
    "login.refused": {
        "ja": "ログインできませんでした。メールアドレスとパスワードをご確認ください。",
        "en": "That did not work. Please check address and password.",
    },
    "login.unavailable": {
        "ja": "ただいまログインできません。しばらくしてからもう一度お試しください。",
        "en": "Nobody can sign in just now. Please try again in a moment.",
    },
    "login.ended": {
        "ja": "一定時間操作がなかったため、ログアウトしました。もう一度ログインしてください。",
        "en": "You were signed out after a while without activity. Please sign in again.",
    },
    "login.out": {"ja": "ログアウトしました。", "en": "You are signed out."},
    "login.settings": {"ja": "メールソフトの設定を見る", "en": "Settings for mail programs"},
    "login.forgotten": {
        "ja": "パスワードをお忘れの場合は、社内のメール管理者にお問い合わせください。",
        "en": "If you have forgotten your password, ask the person who administers mail at your company.",
    },
}
