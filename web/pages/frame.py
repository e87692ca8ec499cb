"""The frame of every page, and what templates can say: texts, sizes, dates, links to the same page.

`render` is all that a page needs: the template's name and its values. The rest (language, person, navigation,
message from the form before, CSRF token) comes from the visit.
"""

import hashlib
import json
import re
from contextvars import ContextVar
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache, partial
from pathlib import Path
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.units import GIB, KIB, MIB, TIB
from storage.admin_files import Stale
from storage.state.panel_notices import Notice
from web.charts import bars, cells
from web.language import Language
from web.pages import navigation
from web.pages.at_field import field_of
from web.pages.visit import Visit, finish
from web.person import Person, Right, may
from web.texts import NAMES, TEXTS, refusal, text
from web.texts.refusals import plain

HERE = Path(__file__).resolve().parent.parent
_UNITS = ((TIB, "TB"), (GIB, "GB"), (MIB, "MB"), (KIB, "KB"))


@cache
def asset(name: str) -> str:
    """The address of a static file; another one when its content is another, so that browsers may keep it."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@lru_cache(8192)
def size(octets: int) -> str:
    """As people say it: `1.5 GB`, `100 MB`."""
    for unit, name in _UNITS:
        if octets >= unit:
            number = octets / unit
            return f"{number:,.0f} {name}" if number >= 100 or octets % unit == 0 else f"{number:.1f} {name}"
    return f"{octets} B"


def moment(at: float, language: Language = "en") -> str:
    """A time to the minute, in the server's time zone."""
    return _minute(int(at // 60), language)


@lru_cache(8192)
def _minute(minute: int, language: Language) -> str:
    form = "%Y/%m/%d %H:%M" if language == "ja" else "%Y-%m-%d %H:%M"
    return datetime.fromtimestamp(minute * 60).strftime(form)


def day(at: date, language: Language = "en") -> str:
    return f"{at:%Y/%m/%d}" if language == "ja" else f"{at:%Y-%m-%d}"


def parted(address: str) -> Markup:
    """An address that, where it has to be in two lines, is parted before its @."""
    return escape(address).replace("@", Markup("<wbr>@"))


def said_at(field: str, language: Language = "en") -> str:
    """The time that a message's Date field says, as other times are written; what is none stays as it is."""
    try:
        return moment(parsedate_to_datetime(field).timestamp(), language)
    except (ValueError, OverflowError, OSError):
        return field


def iso(at: float) -> str:
    """The same for machines."""
    return _second(int(at // 1))


@lru_cache(8192)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


@lru_cache(8192)
def bar(used: int, limit: int, said: str = "", label: str = "") -> Markup:
    """How much of a limit is used. Made here and not by a macro: a page of accounts has fifty of them."""
    percent = min(100 * used // limit, 100) if limit else 0
    kind = " full" if percent >= 95 else " high" if percent >= 80 else ""
    said = said or f"{size(used)} / {size(limit)}"
    return Markup('<span class="bar%s">%s<span class="bar-text">%s</span></span>') % (
        kind,
        _meter(percent, label or said),
        said,
    )


def meter(used: int, limit: int, label: str) -> Markup:
    """The same without words."""
    percent = min(100 * used // limit, 100) if limit else 0
    return Markup('<span class="bar">%s</span>') % _meter(percent, f"{label} {percent}%")


def _meter(percent: int, label: str) -> Markup:
    """As SVG: every browser draws it alike, and widths need no style attribute (which the CSP would refuse)."""
    return Markup(
        '<svg class="meter" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="%s">'
        '<rect class="fill" width="%d" height="8"/></svg>'
    ) % (label, percent)


def number(value: int) -> str:
    return f"{value:,}"


_SAID = re.compile(r"(?<![\w.])(t|asset)\(([\"'])([^\"'{}]+)\2\)")  # t("accounts.title")


class Literal(Extension):
    """Texts that need no values are put into a template when it is compiled, once for each language, not looked up
    anew for every page: a page is drawn in a tenth to a third less time."""

    language: Language = "en"

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        def literal(found: re.Match[str]) -> str:
            said = asset(found[3]) if found[1] == "asset" else text(self.language, found[3])
            return f"({json.dumps(said, ensure_ascii=False)})"

        return _SAID.sub(literal, source)


class Japanese(Literal):
    language = "ja"


# Whose page is being drawn: what macros ask for, which belong to no page and so are made once.
_DRAWN: ContextVar[tuple[Request, Visit]] = ContextVar("drawn")


def here(**changes: object) -> str:
    """The address of this page with some parameters changed; None takes one away."""
    request, _ = _DRAWN.get()
    parameters = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    parameters += [(key, str(value)) for key, value in changes.items() if value is not None]
    return f"?{urlencode(parameters)}" if parameters else request.url.path


def form_token() -> str:
    """What a form of this page carries."""
    return _DRAWN.get()[1].csrf


def wrong(name: str = "") -> str:
    """What is wrong with a field of this page's form; without a name: with any."""
    field, said = getattr(_DRAWN.get()[0].state, "wrong", ("", ""))
    return said if name in (field, "") else ""


def _environment(language: type[Literal]) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        extensions=[language],
    )
    environment.filters |= {"size": size, "number": number, "iso": iso, "parted": parted}
    environment.globals |= {"t": partial(text, language.language), "here": here, "form_token": form_token}
    environment.globals |= {"wrong": wrong, "day": partial(day, language=language.language)}
    environment.globals |= {"bar_of": bar, "meter_of": meter, "bars": bars, "cells": cells, "Right": Right}
    return environment


ENVIRONMENTS: dict[Language, Environment] = {"ja": _environment(Japanese), "en": _environment(Literal)}


def render(request: Request, template: str, status: int = 200, /, **values: object) -> Response:
    """A page: the template with its values, in the visitor's language, inside the frame."""
    seen: Visit = request.state.visit
    language, person = seen.language, seen.person

    _DRAWN.set((request, seen))

    def allowed(right: Right, domain: str = "", address: str = "") -> bool:
        return may(person, right, domain, address)

    body = (
        ENVIRONMENTS[language]
        .get_template(template)
        .render(
            {
                "may": allowed,
                "when": lambda at: moment(at, language),
                "said_at": lambda field: said_at(field, language),
                "refusal": lambda sentence: refusal(language, sentence),
                "path": request.url.path,
                "language": language,
                "languages": NAMES.items(),
                "hostname": seen.office.settings().hostname,
                "person": person,
                "csrf": seen.csrf,
                "flash": _flash(seen),
                "menu": _menu(
                    navigation.groups(request.url.path, _domain(request, person), person), language
                ),
                "frame_domain": _domain(request, person),
                "banner": _banner(seen),
                **values,
            }
        )
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language, Cookie", "Cache-Control": "no-store"}
    return HTMLResponse(body, status, headers)


@lru_cache(2048)
def _menu(groups: tuple[navigation.Group, ...], language: Language) -> Markup:
    """As a page shows it twice; the same people come back to the same pages."""
    return Markup(ENVIRONMENTS[language].get_template("menu.html").render(groups=groups))  # noqa: S704 (a template's)


def failed(request: Request, key: str, status: int, **values: object) -> Response:
    """A page that says what went wrong: the texts `key` and `key.lead`."""
    response = render(request, "failed.html", status, key=key, values=values)
    finish(request, response)
    return response


def refused_text(request: Request, error: Exception) -> str:
    """A refusal of the rooms below in the visitor's language; forms show it beside the field that it is about."""
    seen: Visit = request.state.visit
    said = refusal(seen.language, str(error))
    sent = getattr(request.state, "form", None)
    if sent is not None and not isinstance(error, Stale):
        typed = {name: value for name, value in sent.multi_items() if isinstance(value, str)}
        if name := field_of(plain(str(error)), typed, request.path_params.get("domain", "")):
            request.state.wrong = (name, said)
    return said


def _flash(seen: Visit) -> dict[str, str] | None:
    flash = seen.flash
    if flash is None or flash.key not in TEXTS:
        return None
    try:
        said = text(seen.language, flash.key, **flash.values)
    except (KeyError, IndexError):
        return None
    return {"text": said, "kind": flash.kind if flash.kind in ("done", "warning", "error") else "done"}


def _banner(seen: Visit) -> list[Notice]:
    """The notices that have not ended."""
    if seen.person is None:
        return []
    administers = seen.person.operator or bool(seen.person.domains)
    return seen.office.banner.of(seen.office.now(), administers=administers)


def _domain(request: Request, person: Person | None) -> str:
    """The domain that the navigation is about: the page's, else the only one that this person administers."""
    named: str = request.path_params.get("domain", "")
    if person is None:
        return ""
    if named and (person.operator or named in person.domains):
        return named
    return next(iter(person.domains)) if len(person.domains) == 1 else ""
