"""What is decided is what was seen: things as a page shows them, and what has changed since."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tusker.messages import say

Covered = Iterable[tuple[int, int, str]]
"""What is paid, each as (id, minor units, digest of the bank account)."""


def approval_digest(invoices: Covered, payables: Covered = ()) -> str:
    """SHA-256 over invoices with their principal and payables with their amount, each with the account it is paid to
    and its number, in the order of their ids.

    It must be the same for what was shown, approved and released, or the approval does not hold.
    """
    covered: list[object] = list(sorted(invoices))
    if passed_on := sorted(payables):
        covered.append(passed_on)
    return hashlib.sha256(json.dumps(covered).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing as it is shown to the person who decides: its name, its figures in words, and whatever else of it must
    stay the same."""

    name: str
    words: str
    exact: tuple[object, ...] = ()

    @property
    def seen(self) -> str:
        """What a form carries of it."""
        covered = json.dumps([self.name, self.words, self.exact], default=str)
        return f"{self.name}|{self.words}|{hashlib.sha256(covered.encode()).hexdigest()[:32]}"


def digest_of(things: Iterable[Shown]) -> str:
    """One short text for all of them, whatever their order; commands take it in place of the things."""
    return hashlib.sha256(json.dumps(sorted(thing.seen for thing in things)).encode()).hexdigest()[:32]


def changes_since(seen: Collection[str], now: Sequence[Shown], *, whole: bool = True) -> list[str]:
    """What differs from what was seen, each in words; empty when nothing does.

    `seen` is what the form carried, or the digest of all. Unless it was the `whole`, other things may have been seen
    beside those that are decided on.
    """
    if list(seen) == [digest_of(now)]:
        return []
    before = {name: words for name, words in map(_told, seen) if name}
    found = [_change(thing, before.get(_told(thing.seen)[0])) for thing in now if thing.seen not in seen]
    if whole:
        gone = before.keys() - {_told(thing.seen)[0] for thing in now}
        found += [
            say("{name}: {before} before, gone now", name=name, before=before[name]) for name in sorted(gone)
        ]
        if not found and set(seen) != {thing.seen for thing in now}:
            found = [say("It was something else that was shown")]
    return found


def _told(seen: str) -> tuple[str, str]:
    """Name and words of what a form carried."""
    name, _, words = seen.rpartition("|")[0].rpartition("|")
    return name, words


def _change(thing: Shown, before: str | None) -> str:
    if before is None:
        return say("{name}: {words} now, not shown before", name=thing.name, words=thing.words)
    if before == thing.words:
        return say("{name}: {words} as before, but not of the same parts", name=thing.name, words=thing.words)
    return say("{name}: {before} before, {words} now", name=thing.name, before=before, words=thing.words)
