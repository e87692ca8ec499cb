"""Letters to servers that behave: what they get, and what is reported of it."""

import dataclasses
import tracemalloc
from typing import Any

import pytest

from smtp.relay.letter import Unreachable
from storage.message import Message
from tests.unit.smtp.relay.conftest import TEXT, World, letter, queued


async def test_a_letter_arrives(world: World) -> None:
    peer = await world.peer()
    world.serve()
    answered = await world.send(letter("b@example.com", "c@example.com"))
    (taken,) = peer.taken
    assert taken.data == TEXT
    assert taken.mail == f"MAIL FROM:<a@example.test> SIZE={len(TEXT)}"
    assert taken.rcpts == ["RCPT TO:<b@example.com>", "RCPT TO:<c@example.com>"]
    assert [str(each.status) for each in answered.values()] == ["2.0.0 taken"] * 2
    first = answered[0]
    assert (first.remote, first.address, first.reply) == ("mx.example.com", "127.0.0.1", "250 2.0.0 taken")
    assert first.tls is None and first.dsn
    assert peer.sessions == [["EHLO mail.example.test", taken.mail, *taken.rcpts, "DATA", "QUIT"]]


async def test_many_letters_go_over_one_connection(world: World) -> None:
    peer = await world.peer()
    world.serve()
    await world.send(*(letter(f"b{number}@example.com") for number in range(5)))
    assert len(peer.taken) == 5 and len(peer.sessions) == 1


async def test_each_letter_is_reported_before_the_next_is_sent(world: World) -> None:
    peer = await world.peer()
    world.serve()
    seen = []
    world.reported = type("Log", (list,), {"append": lambda _, item: seen.append(len(peer.taken))})()
    await world.send(letter("b@example.com"), letter("c@example.com"))
    assert seen == [1, 2]


async def test_one_write_for_pipelined_commands_step_by_step_without(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.extensions = ("SIZE",)
    peer.says["RCPT"] = lambda line: "550 5.1.1 unknown" if "nobody" in line else "250 ok"
    answered = await world.send(letter("nobody@example.com", "b@example.com"))
    assert peer.taken[0].rcpts == ["RCPT TO:<b@example.com>"]
    assert [each.status.code for each in (answered[0], answered[1])] == ["5.1.1", "2.0.0"]


async def test_each_recipient_has_its_own_answer(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["RCPT"] = ["550 5.1.1 no such user", "250 ok", "452 4.2.2 full", "551 go elsewhere"]
    answered = await world.send(letter(*(f"{each}@example.com" for each in "bcde")))
    assert [str(answered[number].status) for number in range(4)] == [
        "5.1.1 no such user",
        "2.0.0 taken",
        "4.2.2 full",
        "5.0.0 go elsewhere",
    ]
    assert answered[3].reply == "551 go elsewhere"


async def test_nobody_accepted_and_still_354(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["RCPT"] = ["550 5.1.1 unknown"]
    peer.says["DATA"] = ["354 go on"]
    answered = await world.send(letter("b@example.com"), letter("c@example.com"))
    assert [taken.data for taken in peer.taken] == [b"", TEXT]
    assert [str(each[1][0].status) for each in world.reported] == ["5.1.1 unknown", "2.0.0 taken"]
    assert answered[0].status.ok


@pytest.mark.parametrize("step", ["MAIL", "DATA", "END"])
@pytest.mark.parametrize(("reply", "code"), [("451 4.7.1 later", "4.7.1"), ("550 never", "5.0.0")])
async def test_a_refusal_is_for_all_and_the_session_goes_on(
    world: World, step: str, reply: str, code: str
) -> None:
    peer = await world.peer()
    world.serve()
    peer.says[step] = [reply]
    await world.send(letter("b@example.com", "c@example.com"), letter("d@example.com"))
    assert [[each.status.code for each in answered] for _, answered in world.reported] == [
        [code, code],
        ["2.0.0"],
    ]
    assert len(peer.sessions) == 1


async def test_rset_before_the_next_one_where_one_is_open(world: World) -> None:
    for extensions in (("PIPELINING",), ()):
        peer = await world.peer(host=f"127.0.0.{len(world.peers) + 1}", extensions=extensions)
        domain = f"example{len(world.peers)}.com"
        world.serve(domain, f"mx{len(world.peers)}.example.com={peer.host}")
        peer.says["RCPT"] = ["550 5.1.1 unknown"]
        await world.send(letter("b@example.com"), letter("c@example.com"), key=domain)
        assert "RSET" in peer.sessions[0] and len(peer.taken) == 1


async def test_too_many_recipients_go_into_the_next_transaction(world: World) -> None:
    peer = await world.peer()
    world.serve()
    room = [0]

    def mail(_: str) -> str:
        room[0] = 2
        return "250 ok"

    def rcpt(_: str) -> str:
        room[0] -= 1
        return "250 ok" if room[0] >= 0 else "452 4.5.3 too many"

    peer.says |= {"MAIL": mail, "RCPT": rcpt}
    await world.send(letter(*(f"b{number}@example.com" for number in range(5))))
    answered = [each.number for _, some in world.reported for each in some if each.status.ok]
    assert sorted(answered) == [0, 1, 2, 3, 4]
    assert len(peer.taken) == 3 and len(peer.sessions) == 1


async def test_552_for_a_recipient_is_temporary_unless_it_says_why(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["RCPT"] = ["552 too much"]
    assert (await world.send(letter("b@example.com")))[0].status.code == "4.0.0"
    peer.says["RCPT"] = ["552 5.2.2 mailbox full"]
    assert (await world.send(letter("b@example.com")))[0].status.code == "5.2.2"
    peer.says["MAIL"] = ["552 the message is too big"]
    assert (await world.send(letter("b@example.com")))[0].status.code == "5.0.0"


async def test_limits_of_the_host(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=2"))
    world.serve()
    await world.send(letter(*(f"b{number}@example.com" for number in range(5))), letter("c@example.com"))
    assert [len(taken.rcpts) for taken in peer.taken] == [2, 2, 1]  # the second letter is left to the runner
    assert len(world.reported) == 3


async def test_what_the_host_cannot_take_goes_back(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING", "SIZE 100"))
    world.serve()
    world.configure(eightbit="bounce")
    answered = await world.send(letter("b@example.com", text=b"Subject: \xe3\x81\x82\r\n\r\n"))
    assert answered[0].status.code == "5.6.3"
    assert (await world.send(letter("b@example.com", text=TEXT * 10)))[0].status.code == "5.3.4"
    assert (await world.send(letter("ば@example.com")))[0].status.code == "5.6.7"
    assert (await world.send(letter("b@example.com", sender="ば@example.test")))[0].status.code == "5.6.7"
    assert not peer.taken and all(len(session) == 2 for session in peer.sessions)


async def test_eight_bits_go_as_they_are_to_a_host_that_does_not_offer_them(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING",))
    world.serve()
    text = "Subject: x\r\n\r\nあ\r\n".encode("shift_jis")
    answered = await world.send(letter("b@example.com", text=text))
    assert answered[0].status.ok
    assert peer.taken[0].data == text and "BODY" not in peer.taken[0].mail


async def test_eight_bits_and_utf8_are_said_where_they_are_needed(world: World) -> None:
    peer = await world.peer()
    world.serve()
    japanese = "Subject: あ\r\n\r\nあ\r\n".encode()
    await world.send(
        letter("b@example.com", text=japanese),
        letter("b@example.com", text=japanese, smtputf8=True),
        letter("ば@example.com", "c@例え.jp", smtputf8=True),
        letter("c@例え.jp", smtputf8=True),
        letter("b@example.com", text="Subject: x\r\n\r\nあ\r\n".encode("iso2022_jp")),
    )
    parameters = [taken.mail.partition("> ")[2].partition(" ")[2] for taken in peer.taken]
    assert parameters == ["BODY=8BITMIME", "BODY=8BITMIME SMTPUTF8", "SMTPUTF8", "", ""]
    assert peer.taken[2].rcpts == ["RCPT TO:<ば@example.com>", "RCPT TO:<c@xn--r8jz45g.jp>"]


async def test_wishes_for_reports_are_passed_on_where_they_are_known(world: World) -> None:
    peer = await world.peer()
    world.serve()
    plain = letter("b@example.com", envid="QQ314159", ret="HDRS")
    one = dataclasses.replace(
        plain, recipients=(queued(0, "b@example.com", notify="SUCCESS,DELAY", orcpt="rfc822;B@example.org"),)
    )
    await world.send(one)
    assert peer.taken[0].mail.endswith("RET=HDRS ENVID=QQ314159")
    assert peer.taken[0].rcpts == ["RCPT TO:<b@example.com> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B@example.org"]
    peer.extensions = ()
    assert not (await world.send(one))[0].dsn
    assert peer.taken[1].rcpts == ["RCPT TO:<b@example.com>"]


async def test_addresses_of_mobile_carriers_keep_their_dots(world: World) -> None:
    peer = await world.peer()
    world.serve()
    answered = await world.send(letter("a..b@example.com", "a.@example.com", ".a@example.com"))
    assert peer.taken[0].rcpts == [
        "RCPT TO:<a..b@example.com>",
        "RCPT TO:<a.@example.com>",
        "RCPT TO:<.a@example.com>",
    ]
    assert all(each.status.ok for each in answered.values())


async def test_a_bounce_has_the_null_reverse_path(world: World) -> None:
    peer = await world.peer()
    world.serve()
    await world.send(letter("b@example.com", sender=""))
    assert peer.taken[0].mail.startswith("MAIL FROM:<>")


async def test_dots_are_stuffed_and_a_missing_line_end_is_put(world: World) -> None:
    peer = await world.peer()
    world.serve()
    text = b".\r\n..\r\nx\r\n.y\r\n.\r\nz"
    await world.send(letter("b@example.com", text=text))
    assert peer.taken[0].data == text + b"\r\n"


async def test_a_large_message_comes_from_its_file(world: World) -> None:
    peer = await world.peer(extensions=("PIPELINING", "8BITMIME"))
    world.serve()
    text = b"Subject: x\r\n\r\n" + b"".join(b".%d \xff\r\n" % number for number in range(300_000))
    path = world.folder / "large.eml"
    path.write_bytes(text)
    large = dataclasses.replace(letter("b@example.com"), message=Message(path, len(text)))
    assert (await world.send(large))[0].status.ok
    assert peer.taken[0].data == text and peer.taken[0].mail.endswith("BODY=8BITMIME")


async def test_a_file_that_is_gone_ends_the_connection_and_nothing_is_sent(world: World) -> None:
    peer = await world.peer()
    world.serve()
    gone = dataclasses.replace(letter("b@example.com"), message=Message(world.folder / "gone.eml", 10))
    with pytest.raises(FileNotFoundError):
        await world.send(gone)
    assert not peer.taken and not world.reported


async def test_helo_for_who_does_not_know_ehlo(world: World) -> None:
    peer = await world.peer()
    world.serve()
    peer.says["EHLO"] = "502 5.5.1 what?"
    assert (await world.send(letter("b@example.com")))[0].status.ok
    assert peer.sessions[0][:3] == [
        "EHLO mail.example.test",
        "HELO mail.example.test",
        "MAIL FROM:<a@example.test>",
    ]


async def test_nothing_to_take_is_an_errand_without_a_letter(world: World) -> None:
    peer = await world.peer()
    world.serve()
    assert await world.send() == {}
    assert peer.sessions == [["EHLO mail.example.test", "QUIT"]]


async def test_a_server_that_calls_itself_as_we_do_is_we(world: World) -> None:
    await world.peer(name="mail.example.test")
    world.serve()
    with pytest.raises(Unreachable) as caught:
        await world.send(letter("b@example.com"))
    assert caught.value.status.code == "4.4.6"


async def test_memory_does_not_grow_with_the_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = await world.peer(extensions=("PIPELINING",))
    world.serve()
    path = world.folder / "large.eml"
    path.write_bytes((b"x" * 78 + b"\r\n") * 400_000)  # 32 MB
    read = 0

    async def devour(part: Any) -> None:
        nonlocal read
        end = b""
        while end != b"\r\n.\r\n":
            piece = await part.reader.read(65536)
            read += len(piece)
            end = (end + piece)[-5:]
        await part.say("END", "", "250 2.0.0 taken")

    monkeypatch.setattr("tests.peer._Part.message", devour)
    large = dataclasses.replace(letter("b@example.com"), message=Message(path, path.stat().st_size))
    tracemalloc.start()
    try:
        assert (await world.send(large))[0].status.ok
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == path.stat().st_size + 3 and peer.sessions
    assert peak < 6_000_000


async def test_over_ipv6(world: World) -> None:
    peer = await world.peer("::1")
    world.names.put("example.com", "MX", "10 mx.example.com.")
    world.names.put("mx.example.com", "AAAA", "::1")
    answered = await world.send(letter("b@example.com"))
    assert answered[0].address == "::1" and len(peer.taken) == 1


async def test_an_address_literal(world: World) -> None:
    peer = await world.peer("127.0.0.1")
    answered = await world.send(letter("b@[127.0.0.1]"), key="[127.0.0.1]")
    assert answered[0].status.ok and peer.taken[0].rcpts == ["RCPT TO:<b@[127.0.0.1]>"]
