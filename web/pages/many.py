"""The same for many accounts at once, accounts from a file and into one, and how far that is."""

from dataclasses import fields

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from storage.account_csv import MOST_OCTETS
from storage.admin import AccountChange
from storage.admin_files import Refused
from storage.list_csv import BadCsv
from web.acts import many
from web.acts.many import Plan, Planned
from web.jobs import Job
from web.language import Language
from web.pages.accounts import gigabytes, render_sheets
from web.pages.frame import refused_text, render, size
from web.pages.page import Page, form, signed_in, text
from web.pages.visit import back
from web.person import Right
from web.texts import text as words

ACTS = ("limit", "password", "receive_on", "receive_off", "suspend", "resume", "unlock", "delete")
SHOWN = 500  # lines of a plan
RELOAD = 2  # seconds between two looks of a browser without script


async def ticked(request: Request) -> Response:
    """The ones that were ticked, before anything is done; then, confirmed, the act itself."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    locals_ = [str(each) for each in form(request).getlist("local")]
    what = text(request, "what")
    base = f"/d/{domain}/accounts"
    if not locals_ or what not in ACTS:
        return back(request, base, "many.none", "warning")
    addresses = [f"{local}@{domain}" for local in locals_]
    if not text(request, "confirmed"):
        return render(request, "many/confirm.html", domain=domain, locals=locals_, what=what)
    if what == "password":
        job = await many.new_passwords(office, person, domain, addresses)
        return back(request, f"/d/{domain}/jobs/{job.id}")
    limit = gigabytes(text(request, "limit")) if what == "limit" else None
    problems = await many.each(office, person, addresses, what, limit=limit)
    if problems:
        said = [f"{each}: {refused_text(request, Refused(why))}" for each, why in problems.items()]
        count = len(addresses) - len(problems)
        return back(request, base, "many.some", "warning", count=count, problems="\n".join(said[:10]))
    return back(request, base, "many.done", count=len(addresses))


async def file(request: Request, error: str = "") -> Response:
    """The page of files, in and out."""
    return render(
        request, "many/file.html", 422 if error else 200, domain=request.path_params["domain"], error=error
    )


async def upload(request: Request) -> Response:
    """What the file would do."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    sent = form(request).get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        return await file(request, words(request.state.visit.language, "file.none"))
    try:
        made = await many.plan(office, person, domain, await sent.read())
    except BadCsv as error:
        return await file(request, refused_text(request, error))
    key = office.jobs.plans.put(person.address, made)
    return _preview(request, made, key)


def _preview(request: Request, made: Plan, key: str) -> Response:
    language = request.state.visit.language

    def what(one: Planned) -> str:
        return ("、" if language == "ja" else ", ").join(_said(one, language))

    return render(
        request,
        "many/plan.html",
        domain=made.domain,
        plan=made,
        key=key,
        what=what,
        shown=SHOWN,
        over=refused_text(request, Refused(made.over)) if made.over else "",
    )


def _said(one: Planned, language: Language) -> list[str]:
    """What a line would set, each thing in words."""
    said = []
    for name in (each.name for each in fields(AccountChange)):
        value = getattr(one.change, name)
        if value is None:
            continue
        if name == "password":
            said.append(words(language, "plan.generated" if one.generated else "plan.password"))
        elif name == "quota":
            said.append(words(language, "plan.limit", value=size(value)))
        elif isinstance(value, bool):
            state = words(language, "form.yes" if value else "form.no")
            said.append(words(language, "plan.flag", name=words(language, f"plan.{name}"), value=state))
        else:
            shown = " ".join(value) if isinstance(value, tuple) else value
            said.append(words(language, f"plan.{name}", value=shown or "–"))
    return said


async def carry_out(request: Request) -> Response:
    """Do what was shown."""
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    made = office.jobs.plans.take(person.address, text(request, "plan"))
    if not isinstance(made, Plan) or made.domain != domain:
        return back(request, f"/d/{domain}/accounts-file", "plan.gone", "warning")
    job = await many.carry_out(office, person, made)
    return back(request, f"/d/{domain}/jobs/{job.id}")


async def export(request: Request) -> Response:
    office, person = await signed_in(request)
    domain = request.path_params["domain"]
    old = request.query_params.get("encoding") == "cp932"
    japanese = request.state.visit.language == "ja"
    data = await many.export(office, person, domain, "cp932" if old else "utf-8", japanese=japanese)
    return Response(
        data,
        media_type=f"text/csv; charset={'shift_jis' if old else 'utf-8'}",
        headers={
            "Content-Disposition": f'attachment; filename="accounts-{domain}.csv"',
            "Cache-Control": "no-store",
        },
    )


async def progress(request: Request) -> Response:
    """How far a job is; without script the page comes anew by itself."""
    job = await _job(request)
    domain = request.path_params["domain"]
    if job is None:
        return back(request, f"/d/{domain}/accounts", "job.gone", "warning")
    problems = [refused_text(request, Refused(each)) for each in job.problems]
    return render(
        request,
        "many/job.html",
        domain=domain,
        job=job,
        problems=problems,
        reload=None if job.ended else RELOAD,
    )


async def state(request: Request) -> Response:
    """The same for the page's script."""
    job = await _job(request)
    if job is None:
        return JSONResponse({"ended": True, "done": 0, "text": ""}, headers={"Cache-Control": "no-store"})
    said = words(request.state.visit.language, "job.done", done=job.done, total=job.total)
    answer = {"ended": job.ended is not None, "done": job.done, "text": said}
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def sheets(request: Request) -> Response:
    """All accounts whose passwords were made here, a page each."""
    office, _ = await signed_in(request)
    domain = request.path_params["domain"]
    job = await _job(request)
    if job is None:
        return back(request, f"/d/{domain}/accounts", "job.gone", "warning")

    def comments() -> list[tuple[str, str, str]]:
        found = []
        for address, password in sorted(job.passwords.items()):
            entry = office.directory.account(address)
            found.append((address, entry.file.comment if entry else "", password))
        return found

    return render_sheets(request, await office.run(comments))


async def _job(request: Request) -> Job | None:
    """A job of this person in this domain."""
    office, person = await signed_in(request)
    job = office.jobs.get(person.address, request.path_params["job"])
    return job if job is not None and job.domain == request.path_params["domain"] else None


routes = [
    Page("/d/{domain}/many-accounts", ticked, right=Right.ACCOUNT_LIMIT, methods=("POST",)),
    Page("/d/{domain}/accounts-file", file, right=Right.ACCOUNTS_SEE),
    Page(
        "/d/{domain}/accounts-file",
        upload,
        right=Right.ACCOUNT_CREATE,
        methods=("POST",),
        most=MOST_OCTETS + 64 * 1024,
    ),
    Page("/d/{domain}/accounts-file/go", carry_out, right=Right.ACCOUNT_CREATE, methods=("POST",)),
    Page("/d/{domain}/accounts.csv", export, right=Right.ACCOUNTS_SEE),
    Page("/d/{domain}/jobs/{job}", progress, right=Right.ACCOUNTS_SEE),
    Page("/d/{domain}/jobs/{job}/state", state, right=Right.ACCOUNTS_SEE),
    Page("/d/{domain}/jobs/{job}/sheets", sheets, right=Right.ACCOUNTS_SEE),
]
