"""What is owed, today or as it was seen on a past day."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    any_,
    cast,
    or_,
    select,
    union,
)

from tusker.domain.loans.ageing import Bucket, due_between
from tusker.extensions import db
from tusker.models import Adjustment, Allocation, CreditNote, Customer, Invoice, Loan, Payable
from tusker.queries.columns import between_companies
from tusker.queries.loans.loan_rows import LoanRow, loan_rows, loans, rows_on
from tusker.queries.paging import Cursor, Sorts, on_page, rows_of_page
from tusker.queries.searching import few, has

TO_COLLECT = (
    (Loan.face_open > 0)
    & Loan.closed_on.is_not(None)
    & Loan.reversed_on.is_(None)
    & Loan.written_off_on.is_(None)
)
"""Loans that are paid, of whose invoices a purchaser that pays the face value still has to pay a part."""
WRITTEN_OFF = Loan.written_off_on.is_not(None) & Loan.reversed_on.is_(None)
"""Loans that were given up; what comes in on them is a recovery."""

Search = str | list[ColumnElement[bool]]
"""Words, or what `named_loans` makes of them for a page that asks several times."""
SORTS: Sorts = {"due_date": Loan.due_date, "principal": Loan.principal}
OLDEST_DUE = Cursor(sort="due_date", descending=False)


def due_after(place: tuple[date, int] | None) -> Cursor:
    """Beyond the due date and id of a loan, in the order of due dates."""
    return replace(OLDEST_DUE, before=place)


def open_loans(
    as_of: date,
    *,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
    search: Search = "",
    companies: Collection[int] | None = None,
    due_from: date | None = None,
    due_until: date | None = None,
    cursor: Cursor = OLDEST_DUE,
    limit: int | None = None,
    to_collect: bool = False,
    line_id: int | None = None,
    bucket: Bucket | None = None,
) -> list[LoanRow]:
    """Open loans, oldest due first or by one of `SORTS`. A purchaser's, and all with `to_collect`, include those that
    are paid, but of whose face value the purchaser still has to pay a part. `companies` stand on either side. With
    `bucket` none is left out that may be in it today, and few others are in."""
    query = loans().where(*_paid_out_by(as_of))
    query = query.where(*between_companies(Loan, supplier_id, purchaser_id))
    if line_id is not None:
        query = query.where(Invoice.credit_line_id == line_id)
    if bucket is not None:
        within = Loan.due_date.between(*due_between(bucket, as_of))
        # A loan without principal is not late, whatever its due date.
        query = query.where(within | (Loan.open_principal == 0) if bucket is Bucket.CURRENT else within)
    if companies is not None:
        query = query.where(Loan.supplier_id.in_(companies) | Loan.purchaser_id.in_(companies))
    if due_from is not None:
        query = query.where(Loan.due_date >= due_from)
    if due_until is not None:
        query = query.where(Loan.due_date <= due_until)
    kinds: list[ColumnElement[bool]] = [*_open_on(as_of)]
    if to_collect or purchaser_id is not None:
        kinds.append(TO_COLLECT)
    if named := named_loans(search):
        kinds = [kind & name for kind in kinds for name in named]
    found = _first_of(query, kinds, cursor, limit)
    chosen = loans().where(Loan.id.in_(found))
    return rows_on(rows_of_page(chosen, Loan.id, cursor, limit, SORTS), as_of)


def open_loan_ids(
    *, search: Search = "", due_from: date | None = None, due_until: date | None = None
) -> Select[int] | CompoundSelect[int]:
    """The ids of the loans that `open_loans` lists now."""
    query = select(Loan.id).where(Loan.closed_on.is_(None), Loan.reversed_on.is_(None))
    if due_until is not None:
        query = query.where(Loan.due_date <= due_until)
    if due_from is not None:
        query = query.where(Loan.due_date >= due_from)
    if named := named_loans(search):
        return union(*(query.where(name) for name in named))
    return query


def named_loans(search: Search) -> list[ColumnElement[bool]]:
    """Loans that a search finds, by each kind of name; none without words. Companies and invoices are found first, so
    that the database knows how many loans they have, and looks for each name once."""
    if not isinstance(search, str):
        return search
    if not (words := search.strip()):
        return []
    companies = db.session.scalars(select(Customer.id).where(has(words, Customer.name))).all()
    numbered = select(Invoice.id).where(has(words, Invoice.number))
    found = few(numbered)
    kinds = [
        Loan.invoice_id.in_(numbered if found is None else found),
        has(words, Loan.reference, Loan.platform_reference),
    ]
    return kinds + [side.in_(companies) for side in (Loan.supplier_id, Loan.purchaser_id) if companies]


def _first_of(
    query: Select[*tuple[Any, ...]],
    kinds: Iterable[ColumnElement[bool]],
    cursor: Cursor,
    limit: int | None,
) -> CompoundSelect[int]:
    """The ids of the first loans of each kind, every kind by an index of its own: one that is asked for any of them
    would read all loans there ever were."""
    ids = on_page(query.with_only_columns(Loan.id), Loan.id, cursor, limit, SORTS)
    return union(*(select(ids.where(kind).subquery().c.id) for kind in kinds))


def loans_owed(
    loan_ids: Collection[int],
    as_of: date,
    *,
    supplier_id: int | None = None,
    purchaser_id: int | None = None,
) -> list[LoanRow]:
    """Those of some loans that are open or of whose face value the purchaser still has to pay a part, of one company
    if given."""
    owed = or_(*_open_on(as_of), TO_COLLECT)
    query = loans().where(
        *_paid_out_by(as_of), owed, Loan.id == any_(cast(list(loan_ids), ARRAY(BigInteger)))
    )
    query = query.where(*between_companies(Loan, supplier_id, purchaser_id))
    return loan_rows(query, as_of)


def payable_loans(as_of: date, loan_ids: Collection[int] | None = None) -> Sequence[Row[*tuple[Any, ...]]]:
    """Loans that money of today may pay, of some ids or all: the open ones, those of whose face value a purchaser still
    has to pay a part, and those that were given up. What is due of them is not reckoned."""
    chosen = [] if loan_ids is None else [Loan.id == any_(cast(list(loan_ids), ARRAY(BigInteger)))]
    columns = (
        *(Loan.id, Loan.invoice_id, Invoice.number, Loan.reference, Loan.start_date, Loan.due_date),
        *(Invoice.supplier_id, Invoice.purchaser_id),
        ((Loan.recourse_on <= as_of) & Loan.recourse_on.is_not(None)).label("by_recourse"),
        (Loan.written_off_on.is_not(None)).label("written_off"),
    )
    found = (
        select(Loan.id).where(kind, *chosen) for kind in (Loan.closed_on.is_(None), TO_COLLECT, WRITTEN_OFF)
    )
    query = select(*columns).join(Invoice).where(*_paid_out_by(as_of), Loan.id.in_(union(*found)))
    return db.session.execute(query).all()


def loans_of_ids(loan_ids: Collection[int], as_of: date) -> list[LoanRow]:
    """Some loans by id, whatever became of them."""
    return loan_rows(loans().where(Loan.id == any_(cast(list(loan_ids), ARRAY(BigInteger)))), as_of)


def loans_between(
    before: date, last: date, *, supplier_id: int | None = None, purchaser_id: int | None = None
) -> tuple[list[LoanRow], list[LoanRow]]:
    """The loans that were paid out until a day, as seen on the day `before` and on the `last` day, without those that
    were closed by then and on which nothing was booked since: they were and are at nothing."""
    mine = between_companies(Loan, supplier_id, purchaser_id)
    closed = Loan.closed_on <= before
    # Each kind by an index of its own.
    kinds = [
        Loan.closed_on.is_(None),
        Loan.closed_on > before,
        closed & (Loan.face_open != 0),
        *(
            closed & ours.in_(select(theirs).where(booked_on > before, *only))
            for booked_on, theirs, ours, *only in (
                # Money pays a closed loan only together with an adjustment: what was given up is recovered.
                (Allocation.booked_on, Allocation.loan_id, Loan.id, Allocation.reverses_id.is_not(None)),
                (Adjustment.booked_on, Adjustment.loan_id, Loan.id),
                (CreditNote.booked_on, CreditNote.invoice_id, Loan.invoice_id),
                (Payable.booked_on, Payable.invoice_id, Loan.invoice_id),
            )
        ),
    ]
    ids = union(*(select(Loan.id).where(*mine, Loan.booked_on <= last, kind) for kind in kinds))
    query = loans().where(Loan.id.in_(ids)).order_by(Loan.due_date, Loan.id)
    found = db.session.execute(query).all()
    return rows_on([loan for loan in found if loan.booked_on <= before], before), rows_on(found, last)


def loan_of_invoice(invoice_id: int, as_of: date) -> LoanRow | None:
    """The loan of an invoice, open or closed; None before the disbursal and after it was undone."""
    rows = loan_rows(loans().where(Invoice.id == invoice_id, *_paid_out_by(as_of)), as_of)
    return rows[0] if rows else None


def loans_of_invoices(invoice_ids: Iterable[int], as_of: date) -> dict[int, LoanRow]:
    """The loans of some invoices, by invoice id."""
    return {
        row.invoice_id: row
        for row in loan_rows(loans().where(Invoice.id.in_(list(invoice_ids)), *_paid_out_by(as_of)), as_of)
    }


def _paid_out_by(as_of: date) -> tuple[ColumnElement[bool], ...]:
    """Loans whose payout was booked by a day and not undone by then."""
    return (Loan.booked_on <= as_of, or_(Loan.reversed_on.is_(None), Loan.reversed_on > as_of))


def _open_on(as_of: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Loans that were open at the end of a day: those that are, and those that were closed since.

    A loan that was closed and opened again counts as open since its payout; its rows say what was owed.
    """
    return Loan.closed_on.is_(None), Loan.closed_on > as_of
