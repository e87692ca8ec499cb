"""What commands of administration share."""

import os
from pathlib import Path

import pytest

from kwcmaild.commands.options import act_as_owner

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_works_as_the_owner_of_the_files(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    domains = tmp_path / "domains"
    domains.mkdir()
    os.chown(domains, NOBODY, NOBODY)
    made = domains / "new"
    child = os.fork()
    if child == 0:  # a process that gave up root cannot take it back
        try:
            os.chdir(tmp_path)
            act_as_owner(domains)
            Path("domains/new").touch()
        finally:
            os._exit(os.getgroups() != [])
    assert os.waitpid(child, 0)[1] == 0
    assert (made.stat().st_uid, made.stat().st_gid) == (NOBODY, NOBODY)


def test_nothing_happens_where_there_is_no_folder(tmp_path: Path) -> None:
    before = os.geteuid(), os.getegid()
    act_as_owner(tmp_path / "none")
    act_as_owner(tmp_path)
    assert (os.geteuid(), os.getegid()) == before
