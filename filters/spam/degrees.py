"""How much each word speaks for spam, as Bayes has counted it.

What was asked for is remembered, up to `REMEMBERED` words, for what is common in mail is asked for again and again.
What other processes learn is seen `STALE` seconds later at most.
"""

from collections.abc import Collection, Mapping
from time import monotonic

from storage.state.bayes import Bayes, Counts

ENOUGH = 20  # mails of each kind, before anything is said
UNKNOWN, STRENGTH = 0.5, 0.45  # Robinson's x and s
LEAST, HIGHEST = 0.001, 0.999
REMEMBERED = 30_000
STALE = 5.0

Memory = dict[str, float | None]  # by word; None: it was never seen


class Degrees:
    """One for each process. Blocks on the disk: for threads."""

    def __init__(self, bayes: Bayes) -> None:
        self._bayes = bayes
        self._memory: dict[str, tuple[Counts, Memory]] = {}  # by scope
        self._room = REMEMBERED
        self._version = (-1, -1)
        self._looked = float("-inf")

    def knows(self, scope: str) -> bool:
        """Whether enough was learned for an opinion."""
        return min(self._scope(scope)[0]) >= ENOUGH

    def of(self, scope: str, words: Collection[str]) -> Mapping[str, float | None]:
        """Of these words, maybe among others; None for one that was never seen."""
        totals, known = self._scope(scope)
        missing = [word for word in words if word not in known]
        if missing:
            counts = self._bayes.counts(scope, missing)
            fresh = {word: degree(counts[word], totals) if word in counts else None for word in missing}
            self._room -= len(fresh)
            if self._room < 0:
                self._forget()
                return {**known, **fresh}
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
