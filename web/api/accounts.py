"""Accounts of a domain, for their administrators; and the own one, for everybody (`/own/account`)."""

from typing import Any

from storage.admin import find_account
from storage.admin_files import Missing, Refused, Stale, digest_of
from storage.people.roster import Wanted
from web.acts import accounts
from web.api.account_shapes import (
    Account,
    AccountPatch,
    Accounts,
    AccountState,
    AllGone,
    Gone,
    Listed,
    NewAccount,
    OwnPatch,
    Reason,
    Search,
    account_of,
)
from web.api.operation import Answer, Call, Operation
from web.api.problem import REFUSED
from web.api.shapes import (
    moment,
)
from web.person import Right


async def every(call: Call[None, Search]) -> Answer:
    asked = call.query
    wanted = Wanted(asked.q, asked.state, asked.sort, asked.order == "desc", asked.offset, asked.limit)
    found = await accounts.lines(call.office, call.person, call.path["domain"], wanted)
    return Answer(
        Accounts(
            items=[Listed.of(line, found) for line in found.lines],
            total=found.total,
            limit=asked.limit,
            offset=asked.offset,
            capacity=found.capacity,
            given=found.totals.given,
            used=found.totals.used,
        )
    )


async def show(call: Call[None, None]) -> Answer:
    return await _shown(call, address(call))


async def add(call: Call[NewAccount, None]) -> Answer:
    which = f"{call.body.local}@{call.path['domain']}"
    made = await accounts.create(call.office, call.person, which, call.body.change())
    return await _shown(call, made.address, made=True)


async def put(call: Call[AccountState, None]) -> Answer:
    """Made where there is none."""
    which = address(call)
    try:
        if call.only_new:
            await accounts.show(call.office, call.person, which)
            raise Stale(f"{which} is there already")
        _not_own_password(call, which, call.body.password)
        await accounts.change(call.office, call.person, which, call.body.change(), seen=call.seen)
    except Missing:
        if call.seen is not None:
            raise Stale(f"{which} is there no more") from None
        await accounts.create(call.office, call.person, which, call.body.change())
        return await _shown(call, which, made=True)
    return await _shown(call, which)


async def change(call: Call[AccountPatch, None]) -> Answer:
    which = address(call)
    _not_own_password(call, which, call.body.password)
    await accounts.change(call.office, call.person, which, call.body.change(), seen=call.seen)
    return await _shown(call, which)


async def delete(call: Call[None, None]) -> Answer:
    await accounts.delete(call.office, call.person, address(call))
    return Answer()


async def unlock(call: Call[None, None]) -> Answer:
    await accounts.unlock(call.office, call.person, address(call))
    return Answer()


async def hold(call: Call[Reason, None]) -> Answer:
    await accounts.hold(call.office, call.person, address(call), call.body.reason)
    return Answer()


async def unhold(call: Call[None, None]) -> Answer:
    await accounts.unhold(call.office, call.person, address(call))
    return Answer()


async def two_factor_off(call: Call[None, None]) -> Answer:
    await accounts.two_factor_off(call.office, call.person, address(call))
    return Answer()


async def deleted(call: Call[None, None]) -> Answer:
    found = await accounts.deleted(call.office, call.person, call.path["domain"])
    items = [
        Gone(
            address=each.address,
            deleted=moment(each.at),
            until=moment(each.until),
            comment=each.comment,
            quota=each.quota,
        )
        for each in found
    ]
    return Answer(AllGone(items=items))


async def undelete(call: Call[None, None]) -> Answer:
    await accounts.undelete(call.office, call.person, address(call))
    return await _shown(call, address(call))


async def remove(call: Call[None, None]) -> Answer:
    await accounts.remove(call.office, call.person, address(call))
    return Answer()


async def own(call: Call[None, None]) -> Answer:
    return await _shown(call, call.person.address)


async def change_own(call: Call[OwnPatch, None]) -> Answer:
    which = call.person.address
    if call.body.model_fields_set:
        await accounts.change(call.office, call.person, which, call.body.change(), seen=call.seen)
    return await _shown(call, which)


def address(call: Call[Any, Any]) -> str:
    """The account that a path names."""
    return f"{call.path['local']}@{call.path['domain']}"


def _not_own_password(call: Call[Any, Any], which: str, password: str | None) -> None:
    """A token that leaked must not be enough to take over the account that it belongs to."""
    if password is not None and which == call.person.address:
        raise Refused("the own password is changed at /own/password, which asks for the current one")


async def _shown(call: Call[Any, Any], which: str, *, made: bool = False) -> Answer:
    details = await accounts.show(call.office, call.person, which)
    digest = await call.office.run(_digest, call, which)  # first: a change meanwhile makes it old
    file = await accounts.file(call.office, call.person, which)
    shown = account_of(details, file.model_dump(by_alias=True))
    local, _, domain = which.rpartition("@")
    location = f"/domains/{domain}/accounts/{local}" if made else ""
    return Answer(shown, status=201 if made else 200, location=location, digest=digest)


def _digest(call: Call[Any, Any], which: str) -> str:
    directory = call.office.directory
    return digest_of(directory, find_account(directory, which))


_ONE = "/domains/{domain}/accounts/{local}"

OPERATIONS = (
    Operation(
        "GET", "/domains/{domain}/accounts", "listAccounts", Right.ACCOUNTS_SEE, "The domain's accounts.",
        every, query=Search, gives=Accounts,
    ),
    Operation(
        "POST", "/domains/{domain}/accounts", "createAccount", Right.ACCOUNT_CREATE, "A new account.",
        add, body=NewAccount, gives=Account, status=201, guarded=True, problems=(REFUSED,),
    ),
    Operation("GET", _ONE, "getAccount", Right.ACCOUNT_SEE, "One account.", show, gives=Account, guarded=True),
    Operation(
        "PUT", _ONE, "putAccount", Right.ACCOUNT_CREATE,
        "All settings of an account, which is made where there is none.",
        put, body=AccountState, gives=Account, also=(201,), guarded=True,
    ),
    Operation(
        "PATCH", _ONE, "changeAccount", Right.ACCOUNT_COMMENT, "Some settings of an account.",
        change, body=AccountPatch, gives=Account, guarded=True,
    ),
    Operation(
        "DELETE", _ONE, "deleteAccount", Right.ACCOUNT_DELETE,
        "Delete an account; for seven days it can be had back.",
        delete, status=204,
    ),
    Operation(
        "POST", f"{_ONE}/unlock", "unlockAccount", Right.ACCOUNT_UNLOCK,
        "End the locks that wrong passwords have set.",
        unlock, status=204,
    ),
    Operation(
        "PUT", f"{_ONE}/hold", "holdSending", Right.ACCOUNT_HOLD, "Let the account send nothing more.",
        hold, body=Reason, status=204,
    ),
    Operation(
        "DELETE", f"{_ONE}/hold", "releaseSending", Right.ACCOUNT_HOLD, "Let the account send again.",
        unhold, status=204,
    ),
    Operation(
        "DELETE", f"{_ONE}/two-factor", "twoFactorOff", Right.ACCOUNT_TWO_FACTOR_OFF,
        "Take the second factor away, for who has lost the telephone.",
        two_factor_off, status=204,
    ),
    Operation(
        "GET", "/domains/{domain}/deleted-accounts", "listDeleted", Right.ACCOUNTS_SEE,
        "Deleted accounts that can still be had back.",
        deleted, gives=AllGone,
    ),
    Operation(
        "POST", "/domains/{domain}/deleted-accounts/{local}/restore", "restoreAccount", Right.ACCOUNT_CREATE,
        "Have a deleted account back, with its mail.",
        undelete, gives=Account,
    ),
    Operation(
        "DELETE", "/domains/{domain}/deleted-accounts/{local}", "removeDeleted", Right.ACCOUNT_DELETE,
        "The mail of a deleted account goes for good, now.",
        remove, status=204,
    ),
    Operation(
        "GET", "/own/account", "getOwnAccount", Right.ACCOUNT_SEE, "The account of the token's owner.",
        own, gives=Account, guarded=True,
    ),
    Operation(
        "PATCH", "/own/account", "changeOwnAccount", Right.ACCOUNT_FORWARD,
        "Forwarding, automatic reply, spam settings and receiving of the token's owner.",
        change_own, body=OwnPatch, gives=Account, guarded=True,
    ),
)  # fmt: skip
