"""What the server writes itself is signed like any other mail of its domain: notices, and reports of the queue."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from filters.mail import Mail
from filters.sender_auth.keys import read
from filters.sender_auth.signatures import find, verify
from filters.sender_auth.signing import Signing
from filters.submission import Submission
from smtp.relay import dsn, teller
from storage.admin_dkim import add_keys, list_keys
from storage.mime.header import end_of_header
from storage.people.directory import Directory
from storage.queue.queued import Work
from storage.state.sending import Full
from tests.house import DOMAIN, Site, put
from tests.unit.filters.lists.test_posts import write_list
from tests.unit.filters.site import Place
from tests.unit.smtp.test_dsn import ENVELOPE, queued

TARO = f"taro@{DOMAIN}"
FULL = Full("messages", 3600, 5, 0.0, True)


@pytest.fixture
async def place(site: Site) -> AsyncIterator[Place]:
    file = site.folder / f"domains/{DOMAIN}/domain.yaml"
    put(file, f"{file.read_text()}administrators: [hanako@{DOMAIN}]\n")
    place = await Place.open(site)
    add_keys(place.house.store.directory, DOMAIN, "k")
    yield place
    await place.close()


def signed_by(directory: Directory, data: bytes) -> list[tuple[str, str]]:
    """The domain and the result of each signature; what delivery puts in front changes none."""
    head = data[: end_of_header(data)]
    keys = {key.name: read([key.record.encode()]) for key in list_keys(directory, DOMAIN)}
    checked, _ = verify(head, lambda: [data[len(head) :]], find(head), keys)
    return [(each.signature.domain, each.result) for each in checked]


@pytest.mark.parametrize("about", ["virus received", "virus sent", "quota", "hold", "list"])
async def test_a_notice_is_signed(place: Place, about: str) -> None:
    mail = await place.mail(TARO)
    assert isinstance(mail, Mail)
    echoes, store = place.pipeline._echoes, place.house.store
    if about == "virus received":
        await echoes.virus(mail, "Eicar")
    elif about == "virus sent":
        await echoes.virus(replace(mail, authenticated=TARO), "Eicar")
    elif about == "quota":
        await echoes.mailbox_full(TARO, "t")
    elif about == "hold":
        signing = Signing(store.settings.domains, store.directory.domain)
        await Submission(store, place.queue, signing)._tell(mail, TARO, FULL, 0.0)
    else:
        write_list(
            place.house.site, text=f"owner: {TARO}\nmembers: []\nmoderation: strangers\nposting: members\n"
        )
        assert (await place.send(f"sales@{DOMAIN}")).ok
    (stored,) = await place.inbox("hanako" if about == "hold" else "taro")
    assert signed_by(store.directory, stored) == [(DOMAIN, "pass")] * 2


@pytest.mark.parametrize(
    ("hostname", "sender"),
    [(f"mx.{DOMAIN}", "a@example.com"), ("mx.hoster.example", TARO), ("mx.hoster.example", "a@example.com")],
)
def test_a_report_of_the_queue_is_signed(place: Place, hostname: str, sender: str) -> None:
    """In the name of the domain above this server's; where that is none of ours, of the sender's or recipient's."""
    store = place.house.store
    work = Work(replace(ENVELOPE, reverse_path=sender), (queued(f"nobody@{DOMAIN}"),))
    report = dsn.report(hostname, work.envelope, work.recipients, None, 0.0)
    signing = Signing(store.settings.domains, store.directory.domain)
    signed = signing.sign(report, *teller.domains(hostname, work))
    assert signed_by(store.directory, signed.read()) == [(DOMAIN, "pass")] * 2
