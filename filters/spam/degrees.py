"""How much each word speaks for spam, as Bayes has counted it.

What was asked for is remembered, up to `REMEMBERED` words, for what is common in mail is asked for again and again:
so most words of a message cost one look into a dictionary. What other processes learn is seen `STALE` seconds later
at most.
"""

from itertools import repeat
from time import monotonic

from storage.state.bayes import SERVER, Bayes, Counts

ENOUGH = 20  # mails of each kind, before anything is said
UNKNOWN, STRENGTH = 0.5, 0.45  # Robinson's x and s
LEAST, HIGHEST = 0.001, 0.999
LOW, HIGH = 0.4, 0.6  # what is between says too little to count
REMEMBERED = 30_000
STALE = 5.0

SILENT = 0.0  # of a word that was never seen, or says too little
_ASK = 2.0  # of one that is not remembered; no degree is above 1


Memory = dict[str, float]  # by word


class Degrees:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, bayes: Bayes) -> None:
        self._bayes = bayes
        self._memory: dict[str, tuple[Counts, Memory]] = {}  # by scope
        self._room = REMEMBERED
        self._version = (-1, -1)
        self._looked = float("-inf")

    def scope(self, account: str | None) -> str | None:
        """Whose lessons count in a mail: the account's, where its user has taught enough, else everybody's. None
        where too little was learned for an opinion."""
        if account is not None and self._knows(account):
            return account
        return SERVER if self._knows(SERVER) else None

    def telling(self, scope: str, words: frozenset[str]) -> list[float]:
        """The degrees of those words that speak clearly; one that an account has not taught counts as for all."""
        known = self._scope(scope)[1]
        found = list(filter(None, map(known.get, words, repeat(_ASK))))
        if _ASK not in found:
            return found
        known = self._of(scope, words)
        return list(filter(None, map(known.__getitem__, words)))

    def _knows(self, scope: str) -> bool:
        """Whether enough was learned for an opinion."""
        return min(self._scope(scope)[0]) >= ENOUGH

    def _of(self, scope: str, words: frozenset[str]) -> Memory:
        """Of these words, among others."""
        totals, known = self._scope(scope)
        missing = words.difference(known)
        counted = self._bayes.counts(scope, missing)
        fresh = {word: _clear(degree(counts, totals)) for word, counts in counted.items()}
        rest = missing.difference(counted)
        others = self._of(SERVER, rest) if rest and scope != SERVER and self._knows(SERVER) else {}
        fresh.update((word, others.get(word, SILENT)) for word in rest)
        self._room -= len(fresh)
        if self._room < 0:
            self._forget()
        known.update(fresh)
        return known

    def _scope(self, scope: str) -> tuple[Counts, Memory]:
        now = monotonic()
        if now - self._looked >= STALE:
            self._looked = now
            version = self._bayes.version()
            if version != self._version:
                self._version = version
                self._forget()
        found = self._memory.get(scope)
        if found is None:
            self._room -= 1
            found = self._memory[scope] = self._bayes.totals(scope), {}
        return found

    def _forget(self) -> None:
        self._memory, self._room = {}, REMEMBERED


def degree(counts: Counts, totals: Counts) -> float:
    """0 speaks for ham, 1 for spam; the less clearly, the less often the word was seen."""
    in_spam, in_ham = counts.spam / totals.spam, counts.ham / totals.ham
    if in_spam + in_ham == 0:
        return UNKNOWN
    seen = counts.spam + counts.ham
    plain = in_spam / (in_spam + in_ham)
    return min(max((STRENGTH * UNKNOWN + seen * plain) / (STRENGTH + seen), LEAST), HIGHEST)


def _clear(degree: float) -> float:
    return SILENT if LOW < degree < HIGH else degree
