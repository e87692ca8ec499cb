"""The security of the own account: password, app passwords, sessions, whether there is a second factor."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from web.acts import own, sessions
from web.api.account_shapes import Password
from web.api.operation import Answer, Call, Operation
from web.api.problem import MISSING
from web.api.shapes import In, Line, Out, moment
from web.person import Right

Label = Annotated[Line, StringConstraints(min_length=1, max_length=100)]


class AppPassword(Out):
    """A password for one program, without its secret."""

    name: str
    created: date | None


class Session(Out):
    """Signed in to the panel: from where, with what browser."""

    id: int
    peer: str
    agent: str
    began: datetime
    used: datetime


class Security(Out):
    """What the account signs in with, and where it is signed in."""

    two_factor: bool
    recovery_codes: int = Field(description="That are left.")
    app_passwords: list[AppPassword]
    sessions: list[Session]


class NewPassword(In):
    """The current password, and the new one."""

    current: Password
    new: Password


class NewAppPassword(In):
    """The current password of the account, and what the new app password is for."""

    current: Password
    name: Label


class MadeAppPassword(Out):
    """A new app password, which is shown this once."""

    name: str
    password: str


class NewTwoFactor(In):
    """A secret that the caller has made and an authenticator knows, as a code of it shows."""

    current: Password
    secret: Annotated[
        str,
        Field(
            pattern="^[A-Z2-7]{32}$",
            description="160 random bits in Base32, for TOTP (RFC 6238, SHA-1, 30 s).",
        ),
    ]
    code: Annotated[str, Field(pattern="^[0-9]{6}$", description="What the authenticator shows just now.")]


class RecoveryCodes(Out):
    """Each is good once, in place of a code; they are shown this once."""

    recovery_codes: list[str]


class CurrentPassword(In):
    """The current password of the account."""

    current: Password


class OldAppPassword(In):
    """Which app password."""

    name: Label


async def show(call: Call[None, None]) -> Answer:
    found = await own.show(call.office, call.person)
    return Answer(
        Security(
            two_factor=found.two_factor,
            recovery_codes=found.recovery_codes,
            app_passwords=[AppPassword(name=each.name, created=each.created) for each in found.app_passwords],
            sessions=[
                Session(
                    id=each.id,
                    peer=each.peer,
                    agent=each.agent,
                    began=moment(each.made),
                    used=moment(each.used),
                )
                for each in found.sessions
            ],
        )
    )


async def set_password(call: Call[NewPassword, None]) -> Answer:
    await own.set_password(call.office, call.person, None, call.body.current, call.body.new)
    return Answer()


async def set_two_factor(call: Call[NewTwoFactor, None]) -> Answer:
    body = call.body
    codes = await own.set_two_factor(call.office, call.person, None, body.current, body.secret, body.code)
    return Answer(RecoveryCodes(recovery_codes=codes))


async def two_factor_off(call: Call[CurrentPassword, None]) -> Answer:
    await own.two_factor_off(call.office, call.person, None, call.body.current)
    return Answer()


async def add_app_password(call: Call[NewAppPassword, None]) -> Answer:
    name = call.body.name
    made = await own.add_app_password(call.office, call.person, call.body.current, name)
    return Answer(MadeAppPassword(name=name, password=made), location="/own/security")


async def delete_app_password(call: Call[OldAppPassword, None]) -> Answer:
    await own.delete_app_password(call.office, call.person, call.body.name)
    return Answer()


async def end_session(call: Call[None, None]) -> Answer:
    await sessions.end(call.office, call.person, int(call.path["number"]))
    return Answer()


async def end_sessions(call: Call[None, None]) -> Answer:
    await sessions.end(call.office, call.person, None)
    return Answer()


OPERATIONS = (
    Operation(
        "GET", "/own/security", "getSecurity", Right.OWN_SECURITY,
        "What the account signs in with, and where it is signed in.",
        show, gives=Security,
    ),
    Operation(
        "PUT", "/own/password", "setOwnPassword", Right.ACCOUNT_PASSWORD,
        "A new password; every session of the panel ends.",
        set_password, body=NewPassword, status=204,
    ),
    Operation(
        "PUT", "/own/two-factor", "setTwoFactor", Right.OWN_SECURITY,
        "A second factor for the panel; every session of it ends.",
        set_two_factor, body=NewTwoFactor, gives=RecoveryCodes,
    ),
    Operation(
        "POST", "/own/two-factor/off", "endTwoFactor", Right.OWN_SECURITY,
        "No second factor any more; every session of the panel ends.",
        two_factor_off, body=CurrentPassword, status=204,
    ),
    Operation(
        "POST", "/own/app-passwords", "createAppPassword", Right.OWN_SECURITY,
        "A password for one mail program; it is shown this once.",
        add_app_password, body=NewAppPassword, gives=MadeAppPassword, status=201,
    ),
    Operation(
        "POST", "/own/app-passwords/delete", "deleteAppPassword", Right.OWN_SECURITY, "Take an app password back.",
        delete_app_password, body=OldAppPassword, status=204, problems=(MISSING,),
    ),
    Operation(
        "DELETE", "/own/sessions", "endSessions", Right.OWN_SECURITY, "End every session of the panel.",
        end_sessions, status=204,
    ),
    Operation(
        "DELETE", "/own/sessions/{number}", "endSession", Right.OWN_SECURITY, "End one of them.",
        end_session, status=204,
    ),
)  # fmt: skip
