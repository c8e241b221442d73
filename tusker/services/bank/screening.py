"""Which entries of a large statement say anything: only they are loaded, locked and settled one by one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select

from tusker.domain.matching import Book, Verdict
from tusker.extensions import db
from tusker.models import Receipt
from tusker.queries.bank.candidates import Line, credits_of, lines_of
from tusker.services.bank.payout_evidence import about_payouts
from tusker.services.locks import among


def telling(entry_ids: Sequence[int], book: Book | None) -> list[int]:
    """The entries, by id, that may be about a payout, a receipt recorded by hand or an open loan of the book, and those
    that a person has to look at whatever they say: returns, and amounts that the bank writes in two ways.

    Without a book, for debits and returns, no loan is looked for."""
    lines = lines_of(entry_ids)
    found = set(entry_ids) - {line.id for line in lines}
    found |= {line.id for line in lines if line.return_reason is not None}
    found |= about_payouts(lines) | _recorded(lines)
    if book:
        credits = credits_of([line for line in lines if line.id not in found])
        found |= {key for key, credit in credits.items() if book.judge(credit).verdict is not Verdict.NONE}
    return sorted(found)


def _recorded(lines: Collection[Line]) -> set[int]:
    """Those with the reference of a receipt that stands."""
    references = {line.bank_reference for line in lines} - {""}
    known = set(
        db.session.scalars(
            select(Receipt.bank_reference).where(
                among(Receipt.bank_reference, references), Receipt.reversed_on.is_(None)
            )
        )
    )
    return {line.id for line in lines if line.bank_reference in known}
