"""Texts of the server's state."""

from web.language import Language

TEXTS: dict[str, dict[Language, str]] = {
    "server.title": {"ja": "サーバー情報", "en": "Server"},
    "server.received": {"ja": "受信（24時間）", "en": "Received in 24 hours"},
    "server.sent": {"ja": "送信（24時間）", "en": "Sent in 24 hours"},
    "server.disk": {"ja": "ディスクの空き容量", "en": "Free disk space"},
    "server.load": {"ja": "平均負荷（1分）", "en": "Load (1 minute)"},
    "server.processes": {"ja": "プロセスとポート", "en": "Processes and ports"},
    "server.process": {"ja": "プロセス", "en": "Process"},
    "server.process.smtp": {"ja": "SMTP（送受信）", "en": "SMTP"},
    "server.process.imap": {"ja": "IMAP", "en": "IMAP"},
    "server.process.pop3": {"ja": "POP3", "en": "POP3"},
    "server.process.relay": {"ja": "配送（送信キュー）", "en": "Relay (queue)"},
    "server.process.web": {"ja": "Web", "en": "Web"},
    "server.address": {"ja": "アドレス", "en": "Address"},
    "server.mode": {"ja": "用途・暗号化", "en": "Kind"},
    "server.mode.mx": {"ja": "ほかのサーバーからの受信", "en": "from other servers"},
    "server.mode.submission": {"ja": "メールソフトからの送信", "en": "from mail programs"},
    "server.mode.lmtp": {
        "ja": "同じ機器のメールサーバーからの受信 (LMTP)",
        "en": "from a mail server here (LMTP)",
    },
    "server.mode.tls": {"ja": "SSL/TLS", "en": "SSL/TLS"},
    "server.mode.starttls": {"ja": "STARTTLS", "en": "STARTTLS"},
    "server.mode.none": {"ja": "暗号化なし", "en": "not encrypted"},
    "server.state": {"ja": "状態", "en": "State"},
    "server.lives": {"ja": "稼働中", "en": "running"},
    "server.dead": {"ja": "応答なし", "en": "no answer"},
    "server.certificate": {"ja": "サーバー証明書", "en": "Certificate"},
    "server.certificate.names": {"ja": "名前", "en": "Names"},
    "server.certificate.until": {"ja": "有効期限", "en": "Valid until"},
    "server.certificate.soon": {"ja": "まもなく期限切れ", "en": "ends soon"},
    "server.versions": {"ja": "バージョン", "en": "Versions"},
    "server.system": {"ja": "OS", "en": "System"},
    "server.started": {"ja": "Web プロセスの起動", "en": "Web process began"},
}
