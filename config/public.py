"""Where others find this server: the address of its panel, as it is written into pages and mail."""

import ipaddress

from config.settings import Settings


def public_url(settings: Settings) -> str:
    """Where browsers and phones find this server, without a slash at the end."""
    secure = [listen for listen in settings.web.listen if listen.tls == "implicit"]
    host = "localhost" if only_this_machine(settings) else settings.hostname
    port = min((listen.port for listen in secure), key=lambda port: (port != 443, port), default=443)
    return f"https://{host}" if port == 443 else f"https://{host}:{port}"


def post_url(settings: Settings, token: str) -> str:
    """Where the owner of a list decides about a post that waits; empty where there is no panel."""
    return f"{public_url(settings)}/posts/{token}" if settings.web.listen else ""


def only_this_machine(settings: Settings) -> bool:
    """A demo: nothing listens where another machine could connect, and its name is in no DNS."""
    listens = (*settings.smtp.listen, *settings.imap.listen, *settings.pop3.listen)
    return bool(listens) and all(
        listen.path is not None or listen.host == "localhost" or ipaddress.ip_address(listen.host).is_loopback
        for listen in listens
    )
