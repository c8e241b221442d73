"""Which entries of a large statement say anything: only they are loaded, locked and settled one by one."""

from collections.abc import Collection, Sequence

from sqlalchemy import select

from tusker.domain.bank.judgements import Verdict
from tusker.domain.bank.matching import Book
from tusker.extensions import db
from tusker.models import Receipt
from tusker.queries.bank.candidates import Line, credits_of
from tusker.services.bank.payout_evidence import about_payouts
from tusker.services.locks import among


def telling(lines: Sequence[Line], book: Book | None) -> set[int]:
    """The entries, by id, that may be about a payout, a receipt recorded by hand or an open loan of the book, and
    returns, which a person has to look at whatever they say.

    Without a book, for debits and returns, no loan is looked for."""
    found = {line.id for line in lines if line.return_reason is not None}
    found |= about_payouts(lines) | _recorded(lines)
    if book:
        judged = book.judge_each(credits_of([line for line in lines if line.id not in found]))
        found |= {key for key, judgement in judged.items() if judgement.verdict is not Verdict.NONE}
    return found


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
