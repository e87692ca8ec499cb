"""Posts that wait: durable, decided by one, and not for ever."""

import errno
import os
from pathlib import Path

import pytest

from storage.message import Message
from storage.state.held_posts import KEPT, HeldPost, HeldPosts, expire

POST = HeldPost("sales@example.test", "a@b.example", "a@b.example", "件名", "t.1", 1_700_000_000.0)
TEXT = b"Subject: x\r\n\r\nbody\r\n"


def test_a_post_waits_for_one_decision(tmp_path: Path) -> None:
    posts, others = HeldPosts(tmp_path), HeldPosts(tmp_path)
    token = posts.hold(Message.of(TEXT).prepend(b"Received: y\r\n"), POST)
    assert others.find(token) == POST
    assert others.waiting(POST.list) == {token: POST}
    assert others.waiting("other@example.test") == {}
    assert (others.counts("example.test"), others.counts("test")) == ({POST.list: 1}, {})
    claim = posts.claim(token)
    assert claim is not None
    assert claim.message.read() == b"Received: y\r\n" + TEXT
    looked_at = others.message(token)
    assert looked_at is not None and looked_at.read() == claim.message.read()
    assert others.claim(token) is None  # somebody is deciding
    claim.release()
    again = others.claim(token)
    assert again is not None
    again.done()
    assert posts.claim(token) is posts.find(token) is None
    assert list((tmp_path / "held").iterdir()) == []


def test_on_a_full_disk_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    posts = HeldPosts(tmp_path)
    for where in ("storage.durable.write_json", "storage.durable.sync_dir", "os.fsync"):
        with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
            patch.setattr(where, full)
            posts.hold(Message.of(TEXT), POST)
        assert list((tmp_path / "held").iterdir()) == []


def test_a_token_names_nothing_else(tmp_path: Path) -> None:
    posts = HeldPosts(tmp_path)
    token = posts.hold(Message.of(TEXT), POST)
    (tmp_path / "held" / "broken.json").write_text("{")
    for wrong in ("", "../held/" + token, token.upper(), token + "\n", "a" * 26, "broken"):
        assert posts.find(wrong) is posts.claim(wrong) is posts.message(wrong) is None
    assert posts.waiting(POST.list) == {token: POST}


def test_what_nobody_decides_is_forgotten(tmp_path: Path) -> None:
    expire(tmp_path, 0)  # nothing was ever held
    posts = HeldPosts(tmp_path)
    old, new = (posts.hold(Message.of(TEXT), POST) for _ in range(2))
    for suffix in ("eml", "json"):
        os.utime(tmp_path / "held" / f"{old}.{suffix}", (1_700_000_000, 1_700_000_000))
    expire(tmp_path, 1_700_000_000 + KEPT - 1)
    assert set(posts.waiting(POST.list)) == {old, new}
    expire(tmp_path, 1_700_000_000 + KEPT + 1)
    assert set(posts.waiting(POST.list)) == {new}
