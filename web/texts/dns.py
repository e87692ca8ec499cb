"""Texts of the DNS page."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "dns.title": {"ja": "DNS 設定", "en": "DNS records"},
    "dns.lead": {
        "ja": "{domain} の DNS に登録するレコードと、現在の登録状況です。",
        "en": "What {domain} has to publish, and what DNS says just now.",
    },
    "dns.again": {"ja": "もう一度確認", "en": "Look again"},
    "dns.all_right": {
        "ja": "必要なレコードはすべて正しく登録されています。",
        "en": "Every record that is needed is there and right.",
    },
    "dns.some_wrong": {
        "ja": "必要な {count} 件のうち {right} 件が正しく登録されています。"
        "赤のレコードをドメインの DNS に登録してください。反映には数時間かかることがあります。",
        "en": "{right} of the {count} needed records are right. Publish the red ones in the domain’s DNS; it may"
        " take hours until all see them.",
    },
    "dns.needed": {"ja": "必要なレコード", "en": "Needed"},
    "dns.others": {"ja": "推奨レコード", "en": "Good to have"},
    "dns.others.lead": {
        "ja": "メールソフトの自動設定や、暗号化に関するレポートに使われます。",
        "en": "For mail programs that look for their settings, and for reports about encryption.",
    },
    "dns.host": {"ja": "ホスト名", "en": "Host"},
    "dns.type": {"ja": "種別", "en": "Type"},
    "dns.value": {"ja": "値", "en": "Value"},
    "dns.there": {"ja": "現在の値", "en": "There is"},
    "dns.optional": {"ja": "未登録（任意）", "en": "not there (optional)"},
    "dns.state.ok": {"ja": "正常", "en": "right"},
    "dns.state.missing": {"ja": "未登録", "en": "missing"},
    "dns.state.wrong": {"ja": "要修正", "en": "wrong"},
    "dns.state.asked": {"ja": "確認中", "en": "being asked"},
    "dns.asking": {
        "ja": "DNS に問い合わせています（{count} 件中 {done} 件を確認済み）。",
        "en": "DNS is being asked: {done} of {count} records looked at.",
    },
    "dns.state.unknown": {"ja": "確認できません", "en": "not known"},
    "dns.unknown": {
        "ja": "DNS サーバーから応答がないため、登録状況を確認できませんでした。",
        "en": "DNS did not answer: what is there is not known.",
    },
    "dns.subject.mx": {"ja": "MX（受信サーバー）", "en": "MX"},
    "dns.subject.spf": {"ja": "SPF", "en": "SPF"},
    "dns.subject.dkim": {"ja": "DKIM", "en": "DKIM"},
    "dns.subject.dmarc": {"ja": "DMARC", "en": "DMARC"},
    "dns.subject.tlsrpt": {"ja": "TLS レポート", "en": "TLS reports"},
    "dns.subject.mta_sts": {"ja": "MTA-STS", "en": "MTA-STS"},
    "dns.subject.programs": {"ja": "メールソフトの自動設定", "en": "Mail programs"},
    "dns.purpose.mx": {
        "ja": "このドメイン宛のメールの届け先です。",
        "en": "Where mail for the domain goes.",
    },
    "dns.purpose.spf": {
        "ja": "このドメインのメールを送信できるサーバーを示します。",
        "en": "Which servers may send the domain’s mail.",
    },
    "dns.purpose.dkim": {
        "ja": "このドメインから送信するメールの電子署名を検証する鍵です。",
        "en": "The key by which others check the signature of the domain’s mail.",
    },
    "dns.purpose.dmarc": {
        "ja": "このドメインを詐称したメールの取り扱いを、受信側に伝えます。",
        "en": "What others shall do with mail that only pretends to be the domain’s.",
    },
    "dns.purpose.tlsrpt": {
        "ja": "暗号化通信の失敗に関するレポートの送り先です。",
        "en": "Where others report failures of encryption.",
    },
    "dns.purpose.mta_sts": {
        "ja": "このドメイン宛のメールを必ず暗号化して送るよう、送信側に求めます。",
        "en": "Asks others to send mail to the domain by encrypted connections alone.",
    },
    "dns.purpose.programs": {
        "ja": "メールソフトがサーバーの設定を自動で見つけるために使われます。",
        "en": "By this mail programs find the server.",
    },
    "dns.keys": {"ja": "DKIM の鍵", "en": "DKIM keys"},
    "dns.keys.lead": {
        "ja": "選択した鍵で、送信メールに署名します。",
        "en": "The ticked keys sign what the domain sends.",
    },
    "dns.keys.used": {"ja": "署名に使用", "en": "Signs"},
    "dns.keys.use": {"ja": "{name} で署名する", "en": "Sign with {name}"},
    "dns.keys.selector": {"ja": "セレクター", "en": "Selector"},
    "dns.keys.kind": {"ja": "方式", "en": "Kind"},
    "dns.keys.none": {
        "ja": "鍵がないため、送信メールに署名していません。",
        "en": "There is no key: what the domain sends is not signed.",
    },
    "dns.keys.new": {"ja": "新しい鍵を作成", "en": "New keys"},
    "dns.keys.delete": {"ja": "{name} を削除", "en": "Delete {name}"},
    "dns.keys.made": {
        "ja": "鍵 {names} を作成しました。DNS に登録してください。",
        "en": "The keys {names} are made. Publish them in DNS.",
    },
    "dns.keys.deleted": {"ja": "鍵 {name} を削除しました。", "en": "The key {name} is deleted."},
    "dns.keys.help": {
        "ja": "鍵を交換するときは、新しい鍵を作成して DNS に登録し、反映後に署名に切り替えます。古い鍵は数日後に"
        "削除してください。",
        "en": "To change keys: make new ones, publish them, let them sign when DNS has them, and delete old ones"
        " some days later.",
    },
}
