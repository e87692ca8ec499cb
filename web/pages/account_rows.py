"""A row of the list of accounts. Drawn here and not by a template, because a page has fifty: 10 µs a row."""

from collections.abc import Iterator

from markupsafe import Markup, escape

from storage.people.roster import Line
from web.acts.accounts import Listing
from web.language import Language
from web.pages.frame import bar, iso, moment, size
from web.texts import text


def row(line: Line, listing: Listing, base: str, edit: bool, language: Language) -> Markup:
    """`base` is the address of the domain's pages; with `edit` it can be ticked."""
    address, local = escape(line.address), escape(line.local)
    box = (
        f'<td class="pick"><input type="checkbox" name="local" value="{local}" aria-label="{address}"></td>'
        if edit
        else ""
    )
    states = "".join(
        f'<span class="badge {kind}">{escape(text(language, key))}</span>'
        for key, kind in _states(line, listing)
    )
    if line.login_at:
        said = f'<time datetime="{iso(line.login_at)}">{moment(line.login_at, language)}</time>'
        login = f"{said} {escape((line.login_by or '').upper())}"
    else:
        login = escape(text(language, "accounts.login.never"))
    comment = escape(line.comment)
    remark = f'<span class="remark" title="{comment}">{comment}</span>' if comment else ""
    return Markup(  # noqa: S704 (what comes from outside is escaped)
        f'<tr>{box}<th scope="row"><a href="{escape(base)}/accounts/{local}">{address}</a></th>'
        f'<td class="remarks">{remark}</td><td class="use">{bar(line.used, line.quota)}</td>'
        f'<td class="number only-wide">{size(line.quota)}</td><td class="states">{states}</td>'
        f'<td class="nowrap quiet" data-label="{escape(text(language, "accounts.login"))}">{login}</td></tr>'
    )


def _states(line: Line, listing: Listing) -> Iterator[tuple[str, str]]:
    """What is the matter with an account. Without anything: active."""
    if line.problem:
        yield "accounts.state.broken", "error"
    if line.suspended:
        yield "accounts.state.suspended", "error"
    if line.address in listing.locked:
        yield "accounts.state.locked", "warning"
    if line.address in listing.held:
        yield "accounts.state.held", "warning"
    if not line.receive and not line.suspended:
        yield "accounts.state.not-receiving", "warning"
    if line.forward:
        yield "account.forward", "info"
