"""The mail of an account: use by folder, deleting what is old, and mailboxes elsewhere that are fetched.

Deleting asks twice: what is meant is counted and shown, and only the form on that page deletes. What takes long
goes on by itself, and the page looks again every few seconds how far it is.
"""

from starlette.requests import Request
from starlette.responses import Response

from storage.admin_fetch import Fetch
from storage.admin_files import Missing, Refused
from storage.mail_data import FolderUse
from web.acts import mail_data, popfetch
from web.pages.account import ONE
from web.pages.frame import refused_text, render
from web.pages.mailbox import head, subject
from web.pages.page import Page, form, secret, signed_in, text, ticked
from web.pages.visit import back
from web.person import Right
from web.texts import text as words

DAY = 86_400
AGES = (30, 90, 180, 365, 1095)  # days; 0 is all
FIRST = ("INBOX", "Sent", "Drafts", "Archive", "Junk", "Trash")
AT_ONCE = 500  # messages that are deleted before the page answers


async def folders(request: Request, error: str = "") -> Response:
    """What each folder holds, and what is fetched."""
    office, person = await signed_in(request)
    found = await mail_data.overview(office, person, subject(request))
    return render(
        request,
        "mailbox/data.html",
        422 if error else 200,
        **head(request),
        folders=sorted(found, key=_order),
        messages=sum(each.messages for each in found),
        octets=sum(each.octets for each in found),
        ages=AGES,
        fetches=await popfetch.every(office, person, subject(request)),
        deletion=mail_data.progress(office, person, subject(request)),
        error=error,
    )


async def count(request: Request) -> Response:
    """How much would go."""
    office, person = await signed_in(request)
    names, before = _meant(request)
    if not names:
        return await folders(request, words(request.state.visit.language, "data.no_folder"))
    found = await mail_data.count(
        office, person, subject(request), names, office.now() - before * DAY if before else None
    )
    return render(
        request,
        "mailbox/delete.html",
        **head(request),
        found=[each for each in found if each.uids],
        messages=sum(len(each.uids) for each in found),
        octets=sum(each.octets for each in found),
        age=before,
    )


async def delete(request: Request) -> Response:
    office, person = await signed_in(request)
    names, before = _meant(request)
    deletion = await mail_data.delete(
        office, person, subject(request), names, office.now() - before * DAY if before else None
    )
    url = f"{head(request)['base']}/mail"
    if deletion.of > AT_ONCE:
        return back(request, f"{url}/progress")
    await deletion.over.wait()
    if deletion.failed:
        return back(request, url, "data.failed", "error", done=deletion.done, of=deletion.of)
    return back(request, url, "data.done", done=deletion.done)


async def progress(request: Request) -> Response:
    """How far a long deletion is."""
    office, person = await signed_in(request)
    deletion = mail_data.progress(office, person, subject(request))
    if deletion is None:
        return back(request, f"{head(request)['base']}/mail")
    response = render(request, "mailbox/progress.html", **head(request), deletion=deletion)
    if not deletion.ended:
        response.headers["Refresh"] = "2"
    return response


def _order(folder: FolderUse) -> tuple[int, str]:
    """The folders that everybody has first, in the order in which mail programs show them."""
    return FIRST.index(folder.name) if folder.name in FIRST else len(FIRST), folder.name


def _meant(request: Request) -> tuple[list[str], int]:
    """The ticked folders, and how many days old what is meant is; 0: all of it."""
    names = [each for each in form(request).getlist("folder") if isinstance(each, str)]
    age = text(request, "age")
    if not age.isdecimal() or (int(age) and int(age) not in AGES):
        raise Refused("this age cannot be chosen")
    return names, int(age)


# ---- mailboxes elsewhere


async def fetch(request: Request, error: str = "") -> Response:
    """The form for one; a new one where the address names none."""
    office, person = await signed_in(request)
    key = request.query_params.get("key", "")
    there = await popfetch.every(office, person, subject(request))
    kept = next((each for each in there if each.key == key), None)
    if key and kept is None:
        raise Missing("this mailbox is not fetched any more")
    typed = _typed_fetch(request) if request.method == "POST" else _kept_fetch(kept)
    return render(
        request,
        "mailbox/fetch.html",
        422 if error else 200,
        **head(request),
        key=key,
        typed=typed,
        error=error,
    )


async def save_fetch(request: Request) -> Response:
    office, person = await signed_in(request)
    key, password = request.query_params.get("key", ""), secret(request, "password")
    try:
        wanted = _fetch(request)
        if key:
            await popfetch.change(office, person, subject(request), key, wanted, password or None)
        else:
            await popfetch.add(office, person, subject(request), wanted, password)
    except Missing:
        raise
    except Refused as error:
        return await fetch(request, refused_text(request, error))
    return back(request, f"{head(request)['base']}/mail", "fetch.saved")


async def delete_fetch(request: Request) -> Response:
    office, person = await signed_in(request)
    await popfetch.delete(office, person, subject(request), text(request, "key"))
    return back(request, f"{head(request)['base']}/mail", "fetch.deleted")


def _fetch(request: Request) -> Fetch:
    port, tls = text(request, "port"), text(request, "tls")
    if not port.isdecimal() or len(port) > 5:
        raise Refused("a port is a number from 1 to 65535")
    return Fetch(
        text(request, "server"),
        text(request, "login"),
        int(port),
        "starttls" if tls == "starttls" else "none" if tls == "none" else "implicit",
        ticked(request, "keep"),
        ticked(request, "enabled"),
    )


def _typed_fetch(request: Request) -> dict[str, object]:
    typed: dict[str, object] = {name: text(request, name) for name in ("server", "login", "port", "tls")}
    return typed | {name: ticked(request, name) for name in ("keep", "enabled")}


def _kept_fetch(kept: Fetch | None) -> dict[str, object]:
    shown = kept or Fetch("", "")
    return {
        "server": shown.server,
        "login": shown.login,
        "port": str(shown.port),
        "tls": shown.tls,
        "keep": shown.keep,
        "enabled": shown.enabled,
    }


routes = [
    Page(f"{base}{path}", function, right=right, methods=(method,))
    for base in ("/own", ONE)
    for path, function, right, method in (
        ("/mail", folders, Right.ACCOUNT_DELETE_MAIL, "GET"),
        ("/mail/count", count, Right.ACCOUNT_DELETE_MAIL, "POST"),
        ("/mail/delete", delete, Right.ACCOUNT_DELETE_MAIL, "POST"),
        ("/mail/progress", progress, Right.ACCOUNT_DELETE_MAIL, "GET"),
        ("/mail/fetch", fetch, Right.ACCOUNT_POP_FETCH, "GET"),
        ("/mail/fetch", save_fetch, Right.ACCOUNT_POP_FETCH, "POST"),
        ("/mail/fetch/delete", delete_fetch, Right.ACCOUNT_POP_FETCH, "POST"),
    )
]
