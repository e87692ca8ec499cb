"""Which of our servers are told to mail programs, and by what name."""

from config.settings import Settings
from web.programs.servers import MailServer, servers


def test_unencrypted_listeners_are_recommended_to_nobody() -> None:
    settings = Settings.model_validate(
        {
            "hostname": "mail.example.jp",
            "imap": {
                "listen": [
                    {"address": "0.0.0.0:143", "tls": "none"},
                    {"address": "[::]:1993", "tls": "implicit"},
                ]
            },
            "pop3": {"listen": []},
            "smtp": {"listen": [{"address": "0.0.0.0:25", "mode": "mx"}]},
        }
    )
    assert servers(settings) == (MailServer("imap", "mail.example.jp", 1993, "tls"),)


def test_demo_on_loopback_is_called_localhost() -> None:
    loopback = {"listen": [{"address": "127.0.0.1:2143"}]}
    mx = {"listen": [{"address": "127.0.0.1:2525", "mode": "mx"}]}
    settings = {"hostname": "mail.example.test", "imap": loopback, "pop3": {"listen": []}, "smtp": mx}
    assert [server.host for server in servers(Settings.model_validate(settings))] == ["localhost"]
    settings["pop3"] = {"listen": [{"address": "0.0.0.0:110"}]}
    assert servers(Settings.model_validate(settings))[0].host == "mail.example.test"
