"""What the operator tells people: written once in two languages, shown in the panel, and mailed to administrators.

The mail goes from the operator's own address through every check, as if it had been sent with a mail program: one
message for each administrator, in both languages, so that nobody learns who the others are.
"""

import asyncio
import time
from dataclasses import replace

from filters.notice import subject_field
from storage.admin_files import Missing
from storage.state.panel_notices import Audience, Notice, Notices, Words
from web.office import Office
from web.person import Person, Right, allow
from web.turns import away

_MAIL = """\
{text_ja}

    {begins} – {ends}

----

{text_en}
"""
_SENDING = 4  # mails on their way at once


async def shown(office: Office, person: Person, *, current: bool = False, most: int = 100) -> list[Notice]:
    """Those for this person, the latest first."""
    allow(person, Right.NOTICES_SEE)
    audience: Audience = "administrators" if person.operator or person.domains else "everybody"
    return await office.run(_notices(office).shown, audience, current=current, most=most)


async def show(office: Office, person: Person, which: int) -> Notice:
    """One of them."""
    allow(person, Right.NOTICES_SEE)
    found = await office.run(_notices(office).get, which)
    hidden = found is not None and found.words.audience == "administrators"
    if found is None or (hidden and not person.operator and not person.domains):
        raise Missing(f"there is no notice {which}")
    return found


async def add(office: Office, person: Person, words: Words) -> Notice:
    allow(person, Right.NOTICES_EDIT)
    made = await office.run(_notices(office).add, words, person.address)
    await office.audit(person, Right.NOTICES_EDIT, details=f"add {made.id}: {made.title('en')}")
    return made


async def change(office: Office, person: Person, which: int, words: Words) -> Notice:
    allow(person, Right.NOTICES_EDIT)
    changed = await office.run(_notices(office).change, which, words)
    if changed is None:
        raise Missing(f"there is no notice {which}")
    await office.audit(person, Right.NOTICES_EDIT, details=f"change {which}: {changed.title('en')}")
    return changed


async def end(office: Office, person: Person, which: int) -> Notice:
    """It is over, as of now; one that had not begun yet never will have been for longer than a second."""
    notice = await show(office, person, which)
    begins = min(notice.words.begins, office.now() - 1)
    return await change(office, person, which, replace(notice.words, begins=begins, ends=office.now()))


async def delete(office: Office, person: Person, which: int) -> None:
    allow(person, Right.NOTICES_EDIT)
    if not await office.run(_notices(office).delete, which):
        raise Missing(f"there is no notice {which}")
    await office.audit(person, Right.NOTICES_EDIT, details=f"delete {which}")


async def mail(office: Office, person: Person, which: int) -> int:
    """To every administrator of every domain; how many were mailed."""
    allow(person, Right.NOTICES_EDIT)
    notice = await show(office, person, which)
    to = await office.run(_administrators, office)
    slots = asyncio.Semaphore(_SENDING)

    async def send(address: str) -> bool:
        async with slots:
            message = _message(notice, person.address, address)
            return (await office.send(message, person.address, [address])).ok

    async with away():
        sent = sum(await asyncio.gather(*map(send, to)))
    await office.run(_notices(office).mailed, which)
    await office.audit(person, Right.NOTICES_EDIT, details=f"mail {which}: {sent} of {len(to)}")
    return sent


def _administrators(office: Office) -> list[str]:
    found: set[str] = set()
    for domain in office.directory.domains():
        contract = office.directory.known_domain(domain) or office.directory.domain(domain)
        found.update(contract.administrator_addresses if contract else ())
    return sorted(found)


def _message(notice: Notice, author: str, to: str) -> bytes:
    """The submission adds Date and Message-ID."""
    words = notice.words
    title = " / ".join(dict.fromkeys(filter(None, (words.title_ja, words.title_en))))
    text = _MAIL.format(
        text_ja=f"{notice.title('ja')}\n\n{notice.text('ja')}",
        text_en=f"{notice.title('en')}\n\n{notice.text('en')}",
        begins=_time(words.begins),
        ends=_time(words.ends) if words.ends is not None else "",
    )
    lines = [
        f"From: {author}",
        f"To: {to}",
        subject_field(title),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "Auto-Submitted: auto-generated",
        "",
        *text.replace("\r\n", "\n").split("\n"),
    ]
    return "\r\n".join(lines).encode()


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %z", time.localtime(at))


def _notices(office: Office) -> Notices:
    office.banner.forget()
    return Notices(office.panel.db, office.panel.clock)
