"""Whether a row's money came in or left: its sign, its column and its words honoured together, never one alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from tusker.bankfiles.movements import Contradiction
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction
from tusker.messages import say

_SAID: dict[Direction, str] = {
    "credit": "cr c credit credits credited crdt h haben deposit deposited gutschrift in inward inwards incoming"
    " received bij crédit abono haber avere",
    "debit": "dr db d debit debits debited dbit s soll withdrawal withdrawl withdrawn lastschrift out outward outwards"
    " outgoing sent spent af débit cargo debe dare",
}
_WORDS = {word: side for side, words in _SAID.items() for word in words.split()}
_TURNS = (
    "reversal reversed reverse rev rc rd return returned refund refunded contra void cancelled canceled storno no"
    " not non"
)
_UNCLEAR = frozenset(_TURNS.split())
"""Words that may turn what stands beside them."""
_SIGNS = frozenset({"+", "-", "−"})
_UNBOOKED = frozenset(
    (  # noqa: SIM905 - a list of words reads better as words
        "pending failed failure declined rejected cancelled canceled reverted reversed unsuccessful scheduled"
        " processing initiated expired blocked vorgemerkt abgelehnt storniert hold authorised authorized"
        " unposted unbooked uncleared unsettled unprocessed unsuccessfully not awaiting queued upcoming void voided"
        " bounced dishonoured dishonored error incomplete reserved waiting pendiente rechazado cancelado anulado"
        " attente refusé annulé attesa annullato rifiutato"
    ).split()
)
"""Words of a column for the status of a movement that the bank has not booked."""
_BOOKED = frozenset(
    (  # noqa: SIM905 - a list of words reads better as words
        "success successful succeeded completed complete booked posted settled done cleared processed paid executed ok"
        " approved sent received credited debited final finalised finalized confirmed gebucht completado contabilizado"
        " comptabilisé réglé eseguito contabilizzato book closed reconciled abgeschlossen ausgeführt erledigt verbucht"
    ).split()
)
_PRODUCTS = re.compile(r"(?:credit|debit)\s+cards?|credit\s+transfers?|direct\s+debits?")
"""Names of services that have a side in them and say nothing of the direction."""


@lru_cache(maxsize=1024)
def said(text: str) -> Direction | None:
    """The direction that words say; None when they say none or both, or may turn it."""
    bare = text.strip()
    if bare in _SIGNS:
        return "credit" if bare == "+" else "debit"
    words = set(re.findall(r"\w+", _PRODUCTS.sub(" ", bare.casefold())))
    sides = {_WORDS[word] for word in words if word in _WORDS}
    return sides.pop() if len(sides) == 1 and not words & _UNCLEAR else None


@lru_cache(maxsize=1024)
def is_said(text: str) -> bool:
    """Whether any word of the text is one of a direction."""
    return bool(set(re.findall(r"\w+", _PRODUCTS.sub(" ", text.casefold()))) & _WORDS.keys()) or text in {
        "+",
        "-",
    }


@lru_cache(maxsize=1024)
def is_unbooked(text: str) -> bool:
    """Whether the status of a movement says that it did not happen, or not yet; a longer text is none."""
    words = re.findall(r"\w+", text.casefold())
    return len(words) < 4 and not _UNBOOKED.isdisjoint(words)


@lru_cache(maxsize=1024)
def is_unclear(text: str) -> bool:
    """Whether a status says neither that a movement is booked nor that it is not."""
    return not is_unbooked(text) and _BOOKED.isdisjoint(re.findall(r"\w+", text.casefold()))


class Figure(NamedTuple):
    """An amount as written: not zero, in minor units with its own sign, and the side of its column or mark."""

    amount: int
    side: Direction | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """How one file writes directions.

    `minus_debits`: all that left has a minus besides its column or mark, which then says it twice. `needs_mark`: what
    came in is marked, so that an amount without a mark is not to be guessed. `signed`: signs tell.
    """

    minus_debits: bool
    needs_mark: bool
    signed: bool

    @classmethod
    def of(cls, figures: Iterable[Figure], *, marked: bool) -> Sides:
        """What the figures of a file have in common; `marked` when a column of words says credit or debit."""
        debits, credits, signed = [], False, False
        for figure in figures:
            signed = signed or figure.amount < 0 or "+" in figure.text
            credits = credits or figure.side == "credit"
            if figure.side == "debit":
                debits.append(figure.amount < 0)
        return cls(bool(debits) and all(debits), marked or credits, signed)

    def signed_amount(self, figure: Figure, words: str) -> tuple[int, bool]:
        """What a row adds to the balance, and whether its sign turned its side (a reversal).

        `words` is the cell of a column that says credit or debit, empty when there is none. Raises `Contradiction`.
        """
        spoken = said(words) if words else None
        if words and spoken is None and self.minus_debits and not figure.side and not is_said(words):
            # all that left has a minus: a word that says nothing of the direction leaves it to the sign
            return figure.amount, False
        if words and spoken is None:
            raise Contradiction("“{text}” is neither credit nor debit", text=kept(words, 20))
        side = figure.side or spoken
        if side is None:
            if self.needs_mark:
                raise Contradiction("“{text}” is marked neither credit nor debit", text=kept(figure.text, 20))
            return figure.amount, False
        turned = figure.amount < 0 and not (side == "debit" and self.minus_debits)
        came_in = (side == "credit") != turned
        if spoken is not None and spoken not in {side, "credit" if came_in else "debit"}:
            raise Contradiction(
                say("it is written as a credit, but “{text}” says the other", text=kept(words, 20))
                if side == "credit"
                else say("it is written as a debit, but “{text}” says the other", text=kept(words, 20))
            )
        return (abs(figure.amount) if came_in else -abs(figure.amount)), turned
