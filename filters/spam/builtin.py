"""The engine that needs no other program: rules about header, structure and sender, and Bayes.

Rules add points as SpamAssassin's do, 5 of them are spam; Bayes (Robinson's combination by Fisher's method) adds
between -3 and +6, and has no opinion before it has learned `degrees.ENOUGH` mails of each kind. In a mail for one
account a word counts as that account's user has taught it, where that is enough and the word was in it, else as all
have.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence

from filters.mail import Mail
from filters.spam.degrees import Degrees
from filters.spam.reading import MOST, Reading, read
from filters.spam.rules import found
from filters.spam.score import Score
from filters.spam.tokens import tokens
from storage.people.directory import AccountEntry
from storage.state.bayes import Bayes

TELLING = 150  # words that count, the most telling ones
ALONE = 0.4  # so much of a word is news: those of one sentence, and pairs that overlap, come together
SURE = 12  # telling words, below which the opinion is a mild one
BAYES_HAM, BAYES_SPAM = -3.0, 6.0  # points


class Builtin:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, bayes: Bayes) -> None:
        self._degrees = Degrees(bayes)

    def scores(self, asked: Sequence[tuple[Mail, float]]) -> list[Score | Exception]:
        """Of mails that came at the same moment, one after the other: threads beside each other would only wait for
        the interpreter. What one mail raises is its own answer."""
        answers: list[Score | Exception] = []
        for mail, required in asked:
            try:
                answers.append(self.score(mail, required))
            except Exception as error:
                answers.append(error)
        return answers

    def score(self, mail: Mail, required: float) -> Score:
        reading = read(mail.message.head(MOST))
        points = dict(found(reading, mail.results))
        if mail.judged is not None:
            points.update(mail.judged.points)
        probability = self.probability(reading, _account(mail))
        if probability is not None:
            name, value = _bayes_points(probability)
            points[name] = value
        total = round(sum(points.values()), 1)
        return Score(total >= required, total, required, sorted(points))

    def probability(self, reading: Reading, account: str | None) -> float | None:
        """That a message is spam, by its words; None while too little is known."""
        scope = self._degrees.scope(account)
        return None if scope is None else combined(self._degrees.telling(scope, tokens(reading)))


def combined(degrees: list[float]) -> float:
    """Fisher's method over the most telling words: 0 is ham, 1 is spam, 0.5 can't tell."""
    telling = _most_telling(degrees)
    if not telling:
        return 0.5
    degrees_of_freedom = 2 * max(1, round(len(telling) * ALONE))
    spam = _chi2(-2 * ALONE * _log_of_all([1 - each for each in telling]), degrees_of_freedom)
    ham = _chi2(-2 * ALONE * _log_of_all(telling), degrees_of_freedom)
    return 0.5 + (ham - spam) / 2 * min(1, len(telling) / SURE)


def _most_telling(degrees: list[float]) -> list[float]:
    """The farthest from a half: in order they stand at both ends, and the places at which an end has had its share
    are found by halving."""
    if len(degrees) <= TELLING:
        return degrees
    ordered = sorted(degrees)
    low = bisect_left(range(TELLING), True, key=lambda place: ordered[place] >= 1 - ordered[place - TELLING])
    return ordered[:low] + ordered[len(ordered) - TELLING + low :]


def _log_of_all(degrees: list[float]) -> float:
    """The logarithm of their product; of so many at a time that none comes near the least of all numbers."""
    return sum(math.log(math.prod(degrees[at : at + 75])) for at in range(0, len(degrees), 75))


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
