"""Texts of the domains and their settings."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "domains.title": {"ja": "ドメイン一覧", "en": "Domains"},
    "domains.lead": {
        "ja": "{count} ドメイン、{accounts} アカウント。契約容量 {capacity} のうち {given} を割り当て済み",
        "en": "Domains: {count}, accounts: {accounts}; {given} of {capacity} given out",
    },
    "domains.new": {"ja": "ドメインを追加", "en": "New domain"},
    "domains.new.lead": {
        "ja": "お客様のドメインと契約容量を登録します。アカウントはこのあと作成できます。",
        "en": "The customer’s domain and the capacity of the contract. Accounts are made next.",
    },
    "domains.create": {"ja": "登録する", "en": "Create"},
    "domains.search": {"ja": "ドメイン名で検索", "en": "Search domains"},
    "domains.domain": {"ja": "ドメイン名", "en": "Domain"},
    "domains.domain.help": {
        "ja": "日本語ドメイン名はメールアドレスに使えません。",
        "en": "Internationalised (Japanese-script) names are not offered.",
    },
    "domains.accounts": {"ja": "アカウント", "en": "Accounts"},
    "domains.lists": {"ja": "リスト", "en": "Lists"},
    "domains.given": {"ja": "割当容量 / 契約容量", "en": "Given out / capacity"},
    "domains.given.long": {"ja": "割り当て済み", "en": "Given out"},
    "domains.free": {"ja": "残り", "en": "Left"},
    "domains.more": {"ja": "ほか {count} 名", "en": "and {count} more"},
    "domains.problem": {"ja": "設定ファイルに誤りがあります", "en": "its file has a mistake"},
    "domains.problem.lead": {
        "ja": "設定ファイルに誤りがあるため、前回の正しい内容で動作しています: {problem}",
        "en": "The domain’s file has a mistake; its last good content is in force: {problem}",
    },
    "domains.none": {"ja": "ドメインはまだありません", "en": "There are no domains yet"},
    "domains.none.lead": {
        "ja": "ドメインを追加すると、メールアカウントを作成できるようになります。",
        "en": "Accounts are made in a domain.",
    },
    "domains.made": {
        "ja": "{domain} を登録しました。続けてアカウントを作成できます。",
        "en": "{domain} is there. Now make its accounts.",
    },
    "domains.deleted": {"ja": "{domain} を削除しました。", "en": "{domain} is gone."},
    # settings
    "domains.settings": {"ja": "ドメイン設定", "en": "Domain settings"},
    "domains.contract": {"ja": "ご契約", "en": "Contract"},
    "domains.rules": {"ja": "設定", "en": "Settings"},
    "domains.capacity": {"ja": "契約容量", "en": "Capacity"},
    "domains.capacity.help": {
        "ja": "100 GB 単位、最大 1 TB。割り当て済みの合計より小さくはできません。",
        "en": "In steps of 100 GB, up to 1 TB; not less than what is given out.",
    },
    "domains.catch_all": {"ja": "存在しない宛先の受け取り先", "en": "Mail to unknown addresses"},
    "domains.catch_all.help": {
        "ja": "存在しないアドレス宛のメールを受け取るアカウント。空欄の場合は受信を拒否します（推奨）。",
        "en": "The account that gets mail to addresses that do not exist; empty: such mail is refused (better).",
    },
    "domains.archive_after": {"ja": "受信トレイからアーカイブへ移動", "en": "From inbox to archive after"},
    "domains.archive_after.help": {"ja": "空欄の場合は移動しません。", "en": "Empty: never."},
    "domains.trash": {"ja": "ごみ箱から完全に削除", "en": "Out of the trash, for good, after"},
    "domains.trash.help": {"ja": "空欄の場合は削除しません。", "en": "Empty: never."},
    "domains.days": {"ja": "日後", "en": "days"},
    "domains.administrators": {"ja": "管理者", "en": "Administrators"},
    "domains.administrators.lead": {
        "ja": "この画面にログインしてドメインを管理できるアカウントです。担当範囲を限ることもできます。",
        "en": "Accounts that look after this domain here, as a whole or a part of it.",
    },
    "domains.administrators.saved": {"ja": "管理者を保存しました。", "en": "The administrators are saved."},
    "domains.administrator": {"ja": "アカウント", "en": "Account"},
    "domains.administrator.new": {"ja": "追加するアカウント", "en": "One more account"},
    "domains.may": {"ja": "権限", "en": "May"},
    "domains.may.of": {"ja": "{address} の権限", "en": "What {address} may"},
    "domains.may.new": {"ja": "追加する管理者の権限", "en": "What the new one may"},
    "domains.may.all": {"ja": "すべて", "en": "everything"},
    "domains.may.accounts": {
        "ja": "アカウントと転送専用アドレス",
        "en": "accounts and forward-only addresses",
    },
    "domains.may.lists": {"ja": "メーリングリスト", "en": "mailing lists"},
    "domains.may.accounts-lists": {
        "ja": "アカウント・転送・メーリングリスト",
        "en": "accounts, forwards, lists",
    },
    "domains.may.read": {"ja": "閲覧のみ", "en": "look only"},
    "domains.may.none": {"ja": "― 管理者から外す ―", "en": "– no administrator any more –"},
    "domains.delete": {"ja": "ドメインを削除", "en": "Delete the domain"},
    "domains.delete.short": {
        "ja": "アカウントと設定をすべて含めて、このドメインを削除します。",
        "en": "With all its accounts and settings.",
    },
    "domains.delete.lead": {
        "ja": "{domain} を、アカウント {accounts} 件、メーリングリスト {lists} 件とともに削除します。"
        "取り消すことはできません。",
        "en": "{domain} goes, with {accounts} accounts and {lists} lists. This cannot be taken back.",
    },
    "domains.delete.mail": {"ja": "メールデータも完全に削除する", "en": "Delete the mail, too"},
    "domains.delete.mail.help": {
        "ja": "選択しない場合、メールはサーバーのディスクに残ります。",
        "en": "Else the mail stays on the server’s disk.",
    },
    "domains.delete.name": {
        "ja": "確認のため {domain} と入力してください",
        "en": "Type {domain}, so that it is meant",
    },
}
