"""The engine that needs no other program: rules about header, structure and sender, and Bayes.

Rules add points as SpamAssassin's do, 5 of them are spam; Bayes (Robinson's combination by Fisher's method) adds
between -3 and +5, and has no opinion before it has learned `ENOUGH` mails of each kind. A mail for one account
is compared with what that account's user has taught, where that is enough, and else with the server's.
"""

import math
from collections.abc import Mapping

from filters.mail import Mail
from filters.spam.rules import found
from filters.spam.score import Score
from filters.spam.tokens import tokens
from storage.bayes import SERVER, Bayes, Counts
from storage.directory import AccountEntry

ENOUGH = 20  # mails of each kind
MOST = 512 * 1024  # octets of a mail that are read
TELLING = 150  # words that count, the most telling ones
UNKNOWN, STRENGTH = 0.5, 0.45  # Robinson's x and s
BAYES_HAM, BAYES_SPAM = -3.0, 5.0  # points


class Builtin:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, bayes: Bayes) -> None:
        self._bayes = bayes

    def score(self, mail: Mail, required: float) -> Score:
        data = mail.message.head(MOST)
        points = dict(found(mail, data))
        probability = self.probability(data, _account(mail))
        if probability is not None:
            name, value = _bayes_points(probability)
            points[name] = value
        total = round(sum(points.values()), 1)
        return Score(total >= required, total, required, sorted(points))

    def probability(self, data: bytes, account: str | None) -> float | None:
        """That a message is spam, by its words; None while too little is known."""
        words = tokens(data)
        for scope in (account, SERVER):
            if scope is None:
                continue
            totals = self._bayes.totals(scope)
            if min(totals) >= ENOUGH:
                return combined(self._bayes.counts(scope, words), totals)
        return None


def combined(counts: Mapping[str, Counts], totals: Counts) -> float:
    """Fisher's method over the most telling words: 0 is ham, 1 is spam, 0.5 can't tell."""
    degrees = sorted((_degree(each, totals) for each in counts.values()), key=lambda f: -abs(f - 0.5))[
        :TELLING
    ]
    degrees = [f for f in degrees if abs(f - 0.5) >= 0.1]
    if not degrees:
        return 0.5
    spam = _chi2(-2 * sum(math.log(1 - f) for f in degrees), 2 * len(degrees))
    ham = _chi2(-2 * sum(math.log(f) for f in degrees), 2 * len(degrees))
    return (1 + ham - spam) / 2


def _degree(counts: Counts, totals: Counts) -> float:
    """How much a word speaks for spam, less so the less often it was seen."""
    in_spam, in_ham = counts.spam / totals.spam, counts.ham / totals.ham
    if in_spam + in_ham == 0:
        return UNKNOWN
    seen = counts.spam + counts.ham
    plain = in_spam / (in_spam + in_ham)
    return min(max((STRENGTH * UNKNOWN + seen * plain) / (STRENGTH + seen), 0.001), 0.999)


def _chi2(value: float, degrees: int) -> float:
    """The probability of a chi-squared of at least `value`; `degrees` is even."""
    half = value / 2
    term = total = math.exp(-half) if half < 700 else 0.0
    for number in range(1, degrees // 2):
        term *= half / number
        total += term
    return min(total, 1.0)


def _bayes_points(probability: float) -> tuple[str, float]:
    if probability < 0.5:
        return f"BAYES_{int(probability * 100):02}", round(BAYES_HAM * (1 - 2 * probability), 1)
    return f"BAYES_{min(int(probability * 100), 99):02}", round(BAYES_SPAM * (2 * probability - 1), 1)


def _account(mail: Mail) -> str | None:
    """Whose mail it is, where it is one account's alone."""
    accounts = {each.found.address for each in mail.recipients if isinstance(each.found, AccountEntry)}
    return accounts.pop() if len(accounts) == 1 and len(mail.recipients) == 1 else None
