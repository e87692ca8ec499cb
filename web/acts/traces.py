"""Where is my mail: what became of a message, found by address, subject, id or time.

Administrators see the mail of their domain and no more of it than concerns the domain: of a mail from outside
the other recipients, and what became of theirs, are left out; of one that an account of the domain sent all
recipients are shown, but how another customer's mailbox took it is no more than a word. The operator sees all.
"""

import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from storage.admin_files import Missing, refusal
from storage.state import mails, stories
from storage.state.mails import Mail
from storage.state.stories import Event, Story
from web.office import Office
from web.person import Person, Right, allow

NEVER = 1e12  # a time after all others
AROUND = 5.0  # seconds within which the list of mails notes one that its story begins with
MOST_AROUND = 1_000
_OF_THE_MESSAGE = frozenset(("accepted", "check", "refused"))


@dataclass(frozen=True, slots=True)
class Found:
    """A mail in the list, and what is known of its way."""

    mail: Mail
    story: Story


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: words of the subject or of an address, a whole address, an id, a time."""

    words: str = ""
    since: float = 0.0
    until: float = NEVER
    most: int = 50


async def find(office: Office, person: Person, domain: str, wanted: Wanted) -> list[Found]:
    """The newest mails that are meant, with their stories. Without a domain: of all, for the operator."""
    allow(person, Right.TRACE_SEE, domain) if domain else allow(person, Right.SERVER_SEE)
    return await office.run(_find, office, domain, wanted)


async def show(office: Office, person: Person, domain: str, trace: str) -> Story:
    """One story, as far as it is the domain's."""
    allow(person, Right.TRACE_SEE, domain) if domain else allow(person, Right.SERVER_SEE)
    return await office.run(_show, office, domain, trace)


async def subject(office: Office, person: Person, domain: str, story: Story) -> str:
    """What stood in the mail's subject, as far as it is known to the list of mails; else empty."""
    allow(person, Right.TRACE_SEE, domain) if domain else allow(person, Right.SERVER_SEE)
    return await office.run(_subject, office, domain, story)


def _subject(office: Office, domain: str, story: Story) -> str:
    began = story.events[0].at
    times = {"since": began - AROUND, "until": began + AROUND, "most": MOST_AROUND}
    try:
        listed = mails.find(office.settings().data / "state", domain or None, **times)  # type: ignore[arg-type]
    except sqlite3.Error as error:
        raise refusal(error) from error
    return next((mail.subject for mail in listed if mail.trace == story.trace), "")


def _show(office: Office, domain: str, trace: str) -> Story:
    try:
        story = stories.told(office.settings().data / "state", [trace]).get(trace)
    except sqlite3.Error as error:
        raise refusal(error) from error
    within = story and _within(story, domain, office.directory.is_local)
    if not within or not within.events:
        raise Missing(f"nothing is known of {trace}")
    return within


def _find(office: Office, domain: str, wanted: Wanted) -> list[Found]:
    state = office.settings().data / "state"
    times = {"since": wanted.since, "until": wanted.until, "most": wanted.most}
    words = wanted.words.strip()
    try:
        exact = stories.stories(state, words, **times) if words else []  # type: ignore[arg-type]
        listed = mails.find(state, domain or None, words, **times)  # type: ignore[arg-type]
        known = {story.trace: story for story in exact}
        known |= stories.told(state, {mail.trace for mail in listed} - known.keys())
    except sqlite3.Error as error:
        raise refusal(error) from error
    # of all domains: the row that tells most of its recipients
    rows = {mail.trace: mail for mail in sorted(listed, key=lambda each: len(each.recipients))}
    found = []
    for trace, story in known.items():
        within = _within(story, domain, office.directory.is_local)
        if within is not None and trace not in rows and not _mentions(within, words):
            continue  # found by what the domain may not see of it
        mail = rows.get(trace) or (_row(within) if within else None)
        if mail is not None and (within is not None or trace in rows):
            found.append(Found(mail, within or Story(trace, ())))
    return sorted(found, key=lambda each: each.mail.at, reverse=True)[: wanted.most]


def _row(story: Story) -> Mail | None:
    """A mail of which only its story is known: older than the lists, or never more than a recipient refused."""
    if not story.events:
        return None
    first = next((event for event in story.events if event.what == "accepted"), story.events[0])
    addresses = dict.fromkeys(event.recipient for event in story.events if event.recipient)
    taken = first.what == "accepted"
    return Mail(first.at, story.trace, taken, first.sender, " ".join(list(addresses)[:10]), "")


def _mentions(story: Story, words: str) -> bool:
    wanted = words.removeprefix("<").removesuffix(">").lower()
    return wanted == story.trace or any(
        wanted
        in (
            each.lower()
            for each in (event.message_id, event.queue_id, event.sender, event.recipient, event.account)
        )
        for event in story.events
    )


def _within(story: Story, domain: str, is_ours: Callable[[str], bool]) -> Story | None:
    """What a domain's administrators may see of a story; None where it is not theirs."""
    if not domain:
        return story
    if _sender_domain(story) == domain:
        ours: dict[str, bool] = {}
        return Story(story.trace, tuple(_sent(event, domain, is_ours, ours) for event in story.events))
    mine = [event for event in story.events if domain in _domains(event)]
    if not mine:
        return None
    events = [event for event in story.events if event in mine or _is_general(event)]
    return Story(story.trace, tuple(_received(event, domain) for event in events))


def _sender_domain(story: Story) -> str:
    """The domain of the account that sent it; empty where it came from outside."""
    accounts = (event.account for event in story.events if event.what in ("accepted", "refused"))
    return next(filter(None, accounts), "").rpartition("@")[2].lower()


def _domains(event: Event) -> set[str]:
    account = event.account if event.what not in ("accepted", "refused") else ""
    return {address.rpartition("@")[2].lower() for address in (event.recipient, account) if address}


def _is_general(event: Event) -> bool:
    return event.what in _OF_THE_MESSAGE and not event.recipient


def _sent(event: Event, domain: str, is_ours: Callable[[str], bool], ours: dict[str, bool]) -> Event:
    """Of another customer's mailbox no more than the outcome."""
    for other in _domains(event) - {domain}:
        if ours.setdefault(other, is_ours(other)):
            return replace(event, account="", detail={})
    return event


def _received(event: Event, domain: str) -> Event:
    """Whom else it was for, blind copies too, is not theirs to know."""
    if "to" not in event.detail:
        return event
    own = [each for each in event.detail["to"].split() if each.rpartition("@")[2].lower() == domain]
    return replace(event, detail={**event.detail, "to": " ".join(own)})


def outcomes(story: Story) -> Iterable[Event]:
    """The last word on each recipient."""
    return story.outcomes.values()
