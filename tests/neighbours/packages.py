"""Debian's programs that the stage needs, and where they are.

Postfix and Exim conflict as packages, and a name server has no business on a developer's machine; so what is not
installed is unpacked by `make neighbours` into a folder of the virtual environment, without any of the
packages' scripts.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

UNPACKED = Path(sys.prefix) / "neighbours"
PROGRAMS = {"nsd": "nsd", "unbound": "unbound", "postfix": "postfix", "exim4": "exim4-daemon-light"}
USERS = {"postfix": 64001, "Debian-exim": 64002}  # where they are not there already
GROUPS = ("postdrop", *USERS)


def missing() -> Sequence[str]:
    """Packages of which there is no program."""
    folders = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(UNPACKED / "usr/sbin")])
    return [package for program, package in PROGRAMS.items() if shutil.which(program, path=folders) is None]


def users() -> tuple[dict[str, int], dict[str, str]]:
    """The numbers of the daemons' users, and `passwd` and `group` that have them."""
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    known = {line.split(":")[0]: int(line.split(":")[2]) for line in passwd.splitlines() if line}
    for name, number in USERS.items():
        if name not in known:
            known[name] = number
            passwd += f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n"
    groups = {line.split(":")[0] for line in group.splitlines()}
    for number, name in enumerate(GROUPS, 64000):
        if name not in groups:
            group += f"{name}:x:{USERS.get(name, number)}:\n"
    return {name: known[name] for name in USERS}, {"passwd": passwd, "group": group}
