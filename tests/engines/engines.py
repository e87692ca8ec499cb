"""Debian's clamd, spamd and rspamd with a small configuration of ours each: for tests, and for benchmarks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engines.daemon import program, running

# In two pieces, so that no scanner mistakes this file for what it is about.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

# What every spam engine knows, in two pieces too.
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*" + b"GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

# Neither network nor Redis, one rule of ours, and few names of domains: it is up in seconds.
RSPAMD = """
options {{ pidfile = "{0}/rspamd.pid"; cache_file = "{0}/symbols.cache"; tempdir = "{0}"; hs_cache_dir = "{0}";
  history_file = "{0}/history"; url_tld = "{0}/tlds"; filters = ""; disable_hyperscan = true;
  dns {{ nameserver = "127.0.0.1:1"; }} }}
logging {{ type = "console"; level = "error"; }}
lua = "{0}/rules.lua";
actions {{ reject = 15; add_header = 6; }}
worker "normal" {{ bind_socket = "{0}/normal.sock mode=0600"; count = 1; }}
worker "controller" {{ bind_socket = "{0}/controller.sock mode=0600"; count = 1; }}
classifier "bayes" {{
  tokenizer {{ name = "osb"; }}
  cache {{ type = "sqlite3"; path = "{0}/learned.sqlite"; }}
  backend = "sqlite3"; min_tokens = 1; min_learns = 1;
  statfile {{ symbol = "BAYES_HAM"; spam = false; path = "{0}/ham.sqlite"; }}
  statfile {{ symbol = "BAYES_SPAM"; spam = true; path = "{0}/spam.sqlite"; }}
}}
"""
RSPAMD_RULES = """
rspamd_config:register_symbol({ name = "KNOWN", score = 0.5, callback = function(task) return true end })
"""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where a spam engine listens, and what the settings say of it."""

    name: str
    address: Path
    learns_at: Path

    @property
    def settings(self) -> str:
        return f"engine: {self.name}, address: {self.address}, learn_address: {self.learns_at}, timeout: 60s"


@contextmanager
def spamd(folder: Path) -> Iterator[Engine]:
    """SpamAssassin with two rules of ours and no others; Bayes in a file of its own."""
    command = program("spamd")
    rules, site, state = folder / "rules", folder / "site", folder / "state"
    for each in (rules, site, state):
        each.mkdir()
    for each in (folder, state):
        each.chmod(0o777)  # it lets go of root
    (site / "local.pre").write_text(
        "loadplugin Mail::SpamAssassin::Plugin::Check\nloadplugin Mail::SpamAssassin::Plugin::Bayes\n"
    )
    (rules / "rules.cf").write_text(
        f"body GTUBE /{GTUBE.decode().replace('*', chr(92) + '*').replace('.', chr(92) + '.')}/\nscore GTUBE 1000\n"
        "body KNOWN /./\nscore KNOWN 0.5\nrequired_score 5\n"
        "body BAYES_SPAM eval:check_bayes('0.6', '1.00')\nscore BAYES_SPAM 4\n"
        "body BAYES_HAM eval:check_bayes('0.00', '0.4')\nscore BAYES_HAM -1\n"
        f"use_bayes 1\nbayes_path {state}/bayes\nbayes_min_ham_num 1\nbayes_min_spam_num 1\nbayes_auto_learn 0\n"
    )
    socket = folder / "spamd.sock"
    arguments = [
        f"--socketpath={socket}",
        "--socketmode=0666",
        "-C",
        rules,
        f"--siteconfigpath={site}",
        "-L",
        "-x",
    ]
    arguments += ["--allow-tell", "--syslog=stderr", "--max-children=2", "--min-children=1", "-H", state]
    with running([command, *map(str, arguments)], folder / "out", socket):
        yield Engine("spamd", socket, socket)


@contextmanager
def rspamd(folder: Path) -> Iterator[Engine]:
    command = program("rspamd")
    (folder / "rspamd.conf").write_text(RSPAMD.format(folder))
    (folder / "rules.lua").write_text(RSPAMD_RULES)
    (folder / "tlds").write_text("com\nexample\ntest\n")
    user = ["-i"] if os.geteuid() == 0 else []
    with running(
        [command, "-f", *user, "-c", str(folder / "rspamd.conf")], folder / "out", folder / "normal.sock"
    ):
        yield Engine("rspamd", folder / "normal.sock", folder / "controller.sock")


@contextmanager
def clamd(folder: Path) -> Iterator[Path]:
    """The socket of a clamd that knows one signature, ours for the EICAR string."""
    command = program("clamd")
    database = folder / "db"
    database.mkdir()
    (database / "tests.ndb").write_text(f"Tests.Eicar:0:*:{EICAR.hex()}\n")
    socket = folder / "clamd.sock"
    (folder / "clamd.conf").write_text(
        f"LocalSocket {socket}\nDatabaseDirectory {database}\nForeground yes\nLogFile {folder / 'clamd.log'}\n"
        f"TemporaryDirectory {folder}\nStreamMaxLength 30M\nMaxThreads 4\nAlertExceedsMax yes\nMaxRecursion 5\n"
        "MaxScanSize 20M\nMaxFileSize 10M\nSelfCheck 3600\n"
    )
    with running([command, "-c", str(folder / "clamd.conf")], folder / "out", socket):
        yield socket
