"""Texts of the API tokens."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "tokens.title": {"ja": "API トークン", "en": "API tokens"},
    "tokens.lead": {
        "ja": "プログラムからこのサービスを操作するための鍵です。ご自身の権限を超える操作はできません。",
        "en": "Keys for programs. A token never may more than you.",
    },
    "tokens.api": {"ja": "API の説明", "en": "About the API"},
    "tokens.all": {"ja": "全員のトークン", "en": "Everybody’s tokens"},
    "tokens.new": {"ja": "新しいトークン", "en": "New token"},
    "tokens.create": {"ja": "トークンを作成", "en": "Make the token"},
    "tokens.made": {"ja": "作成したトークン", "en": "Your new token"},
    "tokens.made.lead": {
        "ja": "このトークンは一度しか表示されません。今すぐコピーして、安全な場所に保管してください。",
        "en": "It is shown this once. Copy it now, and keep it where nobody else looks.",
    },
    "tokens.none": {"ja": "トークンはありません", "en": "There are no tokens"},
    "tokens.none.lead": {
        "ja": "課金システムなどと連携する場合に作成します。",
        "en": "Make one to let a program in, such as a billing system.",
    },
    "tokens.name": {"ja": "名前", "en": "Name"},
    "tokens.name.help": {
        "ja": "用途がわかる名前（例: 課金システム）",
        "en": "What it is for, such as billing",
    },
    "tokens.owner": {"ja": "所有者", "en": "Owner"},
    "tokens.scopes": {"ja": "許可する操作", "en": "What it may"},
    "tokens.scopes.help": {
        "ja": "必要な操作だけを許可してください。",
        "en": "As little as will do.",
    },
    "tokens.expires": {"ja": "有効期限", "en": "Expires"},
    "tokens.expired": {"ja": "期限切れ", "en": "expired"},
    "tokens.never": {"ja": "無期限", "en": "never"},
    "tokens.days": {"ja": "{days} 日後", "en": "after {days} days"},
    "tokens.used": {"ja": "最終使用", "en": "Last used"},
    "tokens.unused": {"ja": "未使用", "en": "not yet"},
    "tokens.deleted": {"ja": "トークンを削除しました。", "en": "The token is deleted."},
    "tokens.verb.none": {"ja": "不可", "en": "nothing"},
    "tokens.verb.read": {"ja": "閲覧", "en": "read"},
    "tokens.verb.write": {"ja": "閲覧と変更", "en": "read and change"},
    "tokens.subject.accounts": {"ja": "メールアカウント", "en": "Accounts"},
    "tokens.subject.audit": {"ja": "操作履歴", "en": "Audit log"},
    "tokens.subject.domains": {"ja": "ドメイン・DNS", "en": "Domains and DNS"},
    "tokens.subject.forwards": {"ja": "転送専用アドレス", "en": "Forward-only addresses"},
    "tokens.subject.lists": {"ja": "メーリングリスト", "en": "Mailing lists"},
    "tokens.subject.notices": {"ja": "お知らせ", "en": "Notices"},
    "tokens.subject.own": {"ja": "自分のセキュリティ設定・トークン", "en": "Own security and tokens"},
    "tokens.subject.queue": {"ja": "送信キュー", "en": "Queue"},
    "tokens.subject.server": {"ja": "サーバー情報", "en": "Server"},
    "tokens.subject.tokens": {"ja": "全員のトークン", "en": "Everybody’s tokens"},
    "tokens.subject.traces": {"ja": "メールの追跡", "en": "Where is my mail"},
}
