"""What becomes of an account's incoming mail: forwarding, automatic reply, spam, receiving at all.

The same pages twice: under `/own/` for the user's own account, and among an account's pages for administrators.
"""

import asyncio
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from config.account import AccountFile, Autoreply
from filters.autoreply import in_force, reply
from filters.mail import Mail
from storage.admin import AccountChange
from storage.admin_files import Refused
from storage.mime.preview import Preview, preview
from storage.people.directory import AccountEntry
from web.acts import accounts
from web.pages.account import ONE, account_head
from web.pages.frame import refused_text, render
from web.pages.page import Page, signed_in, text, ticked
from web.pages.visit import back
from web.person import Right
from web.texts import text as words

SENDER = "sato@example.co.jp"  # of the mail that the preview answers


# ---- forwarding


async def forward(request: Request, error: str = "") -> Response:
    office, person = await signed_in(request)
    file = await accounts.file(office, person, subject(request))
    typed: dict[str, Any] = {"to": "\n".join(file.forward.to), "keep": file.forward.keep_copy}
    if request.method == "POST":
        typed = {"to": text(request, "to"), "keep": text(request, "copy") != "drop"}
    status = 422 if error else 200
    return render(
        request, "mailbox/forward.html", status, **head(request), file=file, typed=typed, error=error
    )


async def save_forward(request: Request) -> Response:
    office, person = await signed_in(request)
    to = tuple(dict.fromkeys(text(request, "to").replace(",", " ").split()))
    change = AccountChange(forward_to=to, keep_copy=text(request, "copy") != "drop")
    try:
        await accounts.change(office, person, subject(request), change)
    except Refused as error:
        return await forward(request, refused_text(request, error))
    return back(request, request.url.path, "forward.saved.on" if to else "forward.saved.off")


# ---- automatic reply


async def autoreply(request: Request, errors: dict[str, str] | None = None) -> Response:
    """The form; after `preview` with what a sender would get."""
    office, person = await signed_in(request)
    address = subject(request)
    file = await accounts.file(office, person, address)
    kept = file.autoreply
    typed = _typed(request) if request.method == "POST" else _kept(kept)
    shown = None
    if not errors and typed["text"] and (request.method == "POST" or kept.text):
        wanted = kept
        if request.method == "POST":
            wanted = Autoreply(enabled=True, subject=typed["subject"], text=typed["text"])
        subject_ = words(request.state.visit.language, "autoreply.preview.subject")
        shown = await asyncio.to_thread(_preview, office.settings().hostname, address, file, wanted, subject_)
    return render(
        request,
        "mailbox/autoreply.html",
        422 if errors else 200,
        **head(request),
        kept=kept,
        state=state_of(kept, date.fromtimestamp(office.now())),
        typed=typed,
        preview=shown,
        unsaved=request.method == "POST",
        errors=errors or {},
    )


async def save_autoreply(request: Request) -> Response:
    """Keep it, or show first what a sender would get."""
    office, person = await signed_in(request)
    language = request.state.visit.language
    typed = _typed(request)
    days: dict[str, date | None] = {}
    errors: dict[str, str] = {}
    for name in ("from", "until"):
        try:
            days[name] = date.fromisoformat(typed[name]) if typed[name] else None
        except ValueError:
            errors[name] = words(language, "autoreply.wrong_day")
    first, last = days.get("from"), days.get("until")
    if first and last and last < first:
        errors["until"] = words(language, "autoreply.order")
    if typed["enabled"] and not typed["text"]:
        errors["text"] = words(language, "autoreply.empty")
    if errors or text(request, "do") == "preview":
        return await autoreply(request, errors)
    try:
        wanted = Autoreply.model_validate(
            {
                "enabled": bool(typed["enabled"]),
                "subject": typed["subject"],
                "text": typed["text"],
                "from": first,
                "until": last,
            }
        )
        await accounts.change(office, person, subject(request), AccountChange(autoreply=wanted))
    except Refused as error:
        return await autoreply(request, {"": refused_text(request, error)})
    except ValueError:
        return await autoreply(request, {"text": words(language, "autoreply.long")})
    return back(
        request, request.url.path, "autoreply.saved.on" if typed["enabled"] else "autoreply.saved.off"
    )


def state_of(reply_: Autoreply, today: date) -> str:
    """Whether replies are sent today, will be, or were."""
    if not reply_.enabled:
        return "off"
    if in_force(reply_, today):
        return "on"
    return "later" if reply_.from_ and today < reply_.from_ else "over"


def _preview(hostname: str, address: str, file: AccountFile, wanted: Autoreply, subject_: str) -> Preview:
    """Made as it will be made, of a mail that somebody might have written."""
    head_ = f"From: <{SENDER}>\r\nTo: <{address}>\r\nSubject: {subject_}\r\n".encode()
    mail = Mail(SENDER, "", "", head=head_)
    entry = AccountEntry(address, file.model_copy(update={"autoreply": wanted}), "current", None)  # type: ignore[arg-type]
    return preview(reply(hostname, mail, entry, SENDER, 0.0))


def _typed(request: Request) -> dict[str, Any]:
    return {
        "enabled": ticked(request, "enabled"),
        "from": text(request, "from"),
        "until": text(request, "until"),
        "subject": text(request, "subject"),
        "text": text(request, "text").replace("\r\n", "\n"),
    }


def _kept(kept: Autoreply) -> dict[str, Any]:
    return {
        "enabled": kept.enabled,
        "from": kept.from_.isoformat() if kept.from_ else "",
        "until": kept.until.isoformat() if kept.until else "",
        "subject": kept.subject,
        "text": kept.text,
    }


# ---- spam, receiving


async def receiving(request: Request) -> Response:
    office, person = await signed_in(request)
    file = await accounts.file(office, person, subject(request))
    return render(request, "mailbox/receiving.html", **head(request), file=file)


async def save_receiving(request: Request) -> Response:
    office, person = await signed_in(request)
    change = AccountChange(
        receive=text(request, "receive") != "no",
        tag_subject=ticked(request, "tag_subject"),
        to_junk=ticked(request, "to_junk"),
    )
    await accounts.change(office, person, subject(request), change)
    return back(request, request.url.path, "saved")


# ---- whose account


def subject(request: Request) -> str:
    """The account that a page is about: the one in its address, else the person's own."""
    if local := request.path_params.get("local"):
        return f"{local}@{request.path_params['domain']}"
    own: str = request.state.visit.person.address
    return own


def head(request: Request) -> dict[str, object]:
    """What the head of these pages needs; `tabs` are there for administrators alone."""
    if request.path_params.get("local"):
        return account_head(request)
    return {"domain": "", "address": subject(request), "base": "/own", "tabs": ()}


routes = [
    Page(f"{base}{path}", function, right=right, methods=(method,))
    for base in ("/own", ONE)
    for path, function, right, method in (
        ("/forward", forward, Right.ACCOUNT_FORWARD, "GET"),
        ("/forward", save_forward, Right.ACCOUNT_FORWARD, "POST"),
        ("/autoreply", autoreply, Right.ACCOUNT_AUTOREPLY, "GET"),
        ("/autoreply", save_autoreply, Right.ACCOUNT_AUTOREPLY, "POST"),
        ("/spam", receiving, Right.ACCOUNT_SPAM, "GET"),
        ("/spam", save_receiving, Right.ACCOUNT_SPAM, "POST"),
    )
]
