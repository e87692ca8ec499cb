"""Mailing lists: made, changed, their members and rights, posts that wait for a decision."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from storage import admin_lists, admin_members, list_csv
from storage.admin_files import Missing, digest_of
from storage.admin_lists import ListChange, ListDetails, ListSummary
from storage.admin_members import Planned
from storage.list_csv import Encoding, Row
from storage.mime.preview import Preview, preview
from storage.state.held_posts import HeldPost, HeldPosts
from web.office import Office
from web.person import Person, Right, allow
from web.turns import away

LINK = "the list's owner"  # in the audit log: whoever has the link out of a notice to the owner


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post that waits, and the token by which it is decided about."""

    token: str
    post: HeldPost


async def every(office: Office, person: Person, domain: str) -> list[ListSummary]:
    """The lists of a domain, by name."""
    allow(person, Right.LISTS_SEE, domain)
    return await office.run(admin_lists.list_lists, office.directory, domain, exact=False)


async def show(office: Office, person: Person, address: str) -> ListDetails:
    allow(person, Right.LISTS_SEE, _domain(address))
    return await office.run(admin_lists.show_list, office.directory, address)


async def add(office: Office, person: Person, address: str, wanted: ListChange) -> ListSummary:
    allow(person, Right.LISTS_EDIT, _domain(address))
    made = await office.run(admin_lists.add_list, office.directory, address, wanted)
    await office.audit(person, Right.LISTS_EDIT, subject=made.address, details=f"add {_details(wanted)}")
    return made


async def digest(office: Office, person: Person, address: str) -> str:
    """Of the list's file, by which a later change knows that it still is the same."""
    allow(person, Right.LISTS_SEE, _domain(address))
    return await office.run(
        lambda: digest_of(office.directory, admin_lists.find_list(office.directory, address))
    )


async def change(
    office: Office, person: Person, address: str, wanted: ListChange, *, seen: str | None = None
) -> ListSummary:
    """`seen` is the digest of what the person looked at, where it must still be that."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    changed = await office.run(admin_lists.set_list, office.directory, address, wanted, seen=seen)
    await office.audit(
        person, Right.LISTS_EDIT, subject=changed.address, details=f"change {_details(wanted)}"
    )
    return changed


async def delete(office: Office, person: Person, address: str, *, seen: str | None = None) -> None:
    """Its running number stays, for one made again under the name."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    await office.run(admin_lists.delete_list, office.directory, address, seen=seen)
    await office.audit(person, Right.LISTS_EDIT, subject=address, details="delete")


# ---- members


async def plan(
    office: Office, person: Person, address: str, rows: Sequence[Row], *, replace: bool
) -> list[Planned]:
    """What would become of each member by `take_over`; nothing is changed."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    return await office.run(admin_members.plan_import, office.directory, address, rows, replace=replace)


async def take_over(
    office: Office, person: Person, address: str, rows: Sequence[Row], *, replace: bool
) -> tuple[int, int, int]:
    """Members from a table, all or none: how many came, changed and went."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    done = await office.run(admin_members.import_members, office.directory, address, rows, replace=replace)
    details = "members +{} ~{} -{}".format(*done)
    await office.audit(person, Right.LISTS_EDIT, subject=address, details=details)
    return done


async def remove_members(office: Office, person: Person, address: str, members: Sequence[str]) -> int:
    """How many of them there were."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    gone = await office.run(admin_members.remove_members, office.directory, address, members)
    await office.audit(person, Right.LISTS_EDIT, subject=address, details=f"members -{gone}")
    return gone


async def export(office: Office, person: Person, address: str, encoding: Encoding) -> bytes:
    """The members as CSV."""
    allow(person, Right.LISTS_SEE, _domain(address))
    rows = await office.run(admin_members.export_members, office.directory, address)
    await office.audit(person, Right.LISTS_SEE, subject=address, details=f"export {len(rows)} members")
    return list_csv.write(rows, encoding)


async def resume(office: Office, person: Person, address: str, member: str) -> bool:
    """Send to a member again who was paused because mail came back; whether that was so."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    paused = await office.run(admin_members.resume_member, office.directory, address, member)
    if paused:
        await office.audit(person, Right.LISTS_EDIT, subject=address, details=f"resume {member}")
    return paused


# ---- posts that wait


async def waiting(office: Office, person: Person, address: str) -> list[Waiting]:
    """The posts to a list that wait, the oldest first."""
    allow(person, Right.LISTS_SEE, _domain(address))
    return await office.run(_waiting, office, address)


async def waiting_at(office: Office, person: Person, domain: str) -> dict[str, int]:
    """How many posts wait at each list of a domain at which any do."""
    allow(person, Right.LISTS_SEE, domain)
    return await office.run(HeldPosts(office.settings().data).counts, domain)


async def look(office: Office, person: Person, address: str, token: str) -> tuple[Waiting, Preview]:
    """One of them, with what it says at its beginning."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    return await office.run(_look, office, address, token)


async def decide(office: Office, person: Person, address: str, token: str, *, let_go: bool) -> bool:
    """Let a post go to the members, or refuse it; False where another was quicker."""
    allow(person, Right.LISTS_EDIT, _domain(address))
    post = (await office.run(_find, office, address, token)).post
    async with away():
        done = await office.decide(token, let_go=let_go, by=person.address)
    if done:
        details = f"post {'approved' if let_go else 'refused'}: {post.author}: {post.subject}"
        await office.audit(person, Right.LISTS_EDIT, subject=address, details=details)
    return done


async def look_by_link(office: Office, token: str) -> tuple[Waiting, Preview]:
    """The same for whoever has the link out of the owner's notice: the token is the right. Raises Missing."""
    return await office.run(_look_by_link, office, token)


async def decide_by_link(office: Office, token: str, *, let_go: bool, peer: str) -> bool:
    post = (await office.run(_find_by_link, office, token)).post
    async with away():
        done = await office.decide(token, let_go=let_go, by="the owner, by the link")
    if done:
        details = f"post {'approved' if let_go else 'refused'}: {post.author}: {post.subject}"
        await office.audit(LINK, Right.LISTS_EDIT, subject=post.list, details=details, peer=peer)
    return done


def _find_by_link(office: Office, token: str) -> Waiting:
    post = HeldPosts(office.settings().data).find(token)
    if post is None:
        raise Missing("this post waits no more")
    return Waiting(token, post)


def _look_by_link(office: Office, token: str) -> tuple[Waiting, Preview]:
    return _look(office, _find_by_link(office, token).post.list, token)


def _waiting(office: Office, address: str) -> list[Waiting]:
    name = admin_lists.find_list(office.directory, address)
    found = HeldPosts(office.settings().data).waiting(f"{name.local}@{name.domain}")
    return [Waiting(token, post) for token, post in found.items()]


def _find(office: Office, address: str, token: str) -> Waiting:
    """Only of this list: the token alone is the right to decide, and the list is what the person has a right to."""
    post = HeldPosts(office.settings().data).find(token)
    if post is None or post.list != address.lower():
        raise Missing("this post waits no more")
    return Waiting(token, post)


def _look(office: Office, address: str, token: str) -> tuple[Waiting, Preview]:
    found = _find(office, address, token)
    message = HeldPosts(office.settings().data).message(token)
    if message is None:
        raise Missing("this post waits no more")
    try:
        return found, preview(message)
    except FileNotFoundError as error:
        raise Missing("this post waits no more") from error


def _details(change: ListChange) -> str:
    """What was set, for the audit log; of members how many."""
    said = []
    for field in fields(change):
        value = getattr(change, field.name)
        if value is not None:
            said.append(f"{field.name}={len(value) if isinstance(value, tuple) else value}")
    return " ".join(said)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
