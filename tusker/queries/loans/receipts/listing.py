"""Money received as pages show it: the list, one receipt, and who pays."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    cast,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from tusker.domain.status import Status, Tone
from tusker.errors import InvalidInput, NotFound, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Allocation, Customer, Payable, Payout, Receipt, ReceiptKind
from tusker.queries.columns import columns_of
from tusker.queries.paging import NEWEST, Cursor, Sorts, rows_of_page
from tusker.queries.searching import few, has
from tusker.queries.sums import MOST_SUMMED, Totals, totals_of

SORTS: Sorts = {"value_date": Receipt.value_date, "amount": Receipt.amount}
_payment = aliased(Receipt)
_contra = aliased(Receipt)


class ReceiptState(Status):
    """The kind of a receipt, but for a payment that was undone."""

    PAYMENT = "payment", Tone.GREEN
    REVERSAL = "reversal", Tone.ORANGE
    REFUND = "refund", Tone.AZURE
    REVERSED = "reversed", Tone.ORANGE
    RETURNED = "returned", Tone.ORANGE


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A receipt, or the row that undoes it or pays a part of it back; money in minor units.

    `allocated`, `passed_on` and `refunded` are net of what was undone; all are zero for contra rows.
    """

    id: int
    kind: str
    customer_id: int
    customer: str
    bank_reference: str
    value_date: date
    booked_on: date
    amount: int
    reason: str
    recorded_at: Any
    of_receipt_id: int | None
    of_reference: str | None
    allocated: int
    passed_on: int
    """The part that is the supplier's, beyond the debts."""
    refunded: int
    reversed: bool
    netted_disbursal_id: int | None
    """The disbursal from whose payout it was netted; None where a bank received it."""

    @property
    def credit(self) -> int:
        """The part of a payment that is neither allocated nor paid back nor undone; negative where it was paid back
        before the payment bounced: so much the customer owes."""
        if self.kind != ReceiptKind.PAYMENT:
            return 0
        return (0 if self.reversed else self.amount) - self.allocated - self.passed_on - self.refunded

    @property
    def note(self) -> str:
        """What a contra row is about; empty for a payment."""
        words = {
            "reversal": say("undoes {reference}: {reason}", reference=self.of_reference, reason=self.reason),
            "refund": say("pays back of {reference}", reference=self.of_reference),
            "returned": say("refund came back, of {reference}", reference=self.of_reference),
        }
        return words.get(self.kind, "")

    @property
    def paid(self) -> int | None:
        """What it paid of debts; None where it is no payment, or one that was undone."""
        return None if self.of_receipt_id is not None or self.reversed else self.allocated

    @property
    def state(self) -> ReceiptState:
        return ReceiptState.REVERSED if self.reversed else ReceiptState(self.kind)


def receipts_page(
    *, search: str = "", cursor: Cursor = NEWEST, limit: int | None = None, **wanted: Any
) -> list[ReceiptRow]:
    """Those receipts and contra rows that are `wanted`, as `_narrowed` takes it, the newest first or by one of
    `SORTS`. `search` is a part of a reference or of the customer's name; rows of which it finds many are told apart
    where the list is read."""
    query = _narrowed(*_receipts(), **wanted)
    if named := _named(search):
        found = few(union_all(*(select(Receipt.id).where(name) for name in named)))
        query = query.where(or_(*named) if found is None else Receipt.id.in_(found))
    return _rows(rows_of_page(query, Receipt.id, cursor, limit, SORTS))


def receipts_totals(*, search: str = "", state: str | None = None, **wanted: Any) -> Totals | None:
    """The sum of what `receipts_page` lists; None for states that are told by what is left of each."""
    if state in {"credit", "owed"}:
        return None
    query = _narrowed(select(Receipt.id), Receipt.amount, state=state, **wanted)
    if named := _named(search):
        found = few(union(*(query.where(name) for name in named)), MOST_SUMMED)
        if found is None:
            return Totals(None)
        query = select(Receipt.id).where(Receipt.id.in_(found))
    return totals_of(query, Receipt.id, amount=Receipt.amount)


def _named(search: str) -> list[ColumnElement[bool]]:
    """By each kind of name."""
    if not (words := search.strip()):
        return []
    companies = db.session.scalars(select(Customer.id).where(has(words, Customer.name))).all()
    return [has(words, Receipt.bank_reference), *([Receipt.customer_id.in_(companies)] if companies else [])]


def _narrowed(
    query: Select[*tuple[Any, ...]],
    left: ColumnElement[int] | InstrumentedAttribute[int],
    *,
    customer_id: int | None = None,
    state: str | None = None,
) -> Select[*tuple[Any, ...]]:
    """`state` is `credit` (something of it is left), `owed` (it bounced after a part of it was paid back), `payment`,
    `reversed`, `reversal`, `refund` or `returned`."""
    if customer_id is not None:
        query = query.where(Receipt.customer_id == customer_id)
    if state == "credit":
        query = query.where(Receipt.kind == ReceiptKind.PAYMENT, left > 0)
    elif state == "owed":
        query = query.where(Receipt.kind == ReceiptKind.PAYMENT, left < 0)
    elif state == "reversed":
        query = query.where(Receipt.kind == ReceiptKind.PAYMENT, Receipt.reversed_on.is_not(None))
    elif state == ReceiptKind.PAYMENT:
        query = query.where(Receipt.kind == ReceiptKind.PAYMENT, Receipt.reversed_on.is_(None))
    elif state:
        query = query.where(Receipt.kind == state)
    return query


def receipt_row(receipt_id: int) -> ReceiptRow:
    """One receipt or contra row; raises `NotFound`."""
    rows = _rows(db.session.execute(_receipts()[0].where(Receipt.id == receipt_id)))
    return existing(next(iter(rows), None), say("receipt"))


def receipt_called(
    reference: str, customer_id: int | None = None, kind: ReceiptKind = ReceiptKind.PAYMENT
) -> ReceiptRow:
    """The payment or refund with this bank reference, of a customer if given: one that stands rather than one that was
    undone.

    Raises `NotFound`, or `InvalidInput` where several payers gave the same, naming `reference`.
    """
    query = _receipts()[0].where(Receipt.bank_reference == reference.strip(), Receipt.kind == kind)
    if customer_id is not None:
        query = query.where(Receipt.customer_id == customer_id)
    rows = _rows(db.session.execute(query.order_by(Receipt.id.desc())))
    if not rows:
        raise NotFound(
            say("No receipt has the reference “{reference}”.", reference=reference[:60])
            if kind == ReceiptKind.PAYMENT
            else say("No {what} has the reference “{reference}”.", what=kind, reference=reference[:60]),
            field="reference",
        )
    standing = [row for row in rows if not row.reversed]
    if len(standing) > 1:
        raise InvalidInput("Several payers gave this reference; name the customer.", field="reference")
    return standing[0] if standing else rows[0]


def contras_of(receipt_id: int) -> list[ReceiptRow]:
    """What undid a payment or paid parts of it back, the oldest first."""
    query = _receipts()[0].where(Receipt.of_receipt_id == receipt_id).order_by(Receipt.id)
    return _rows(db.session.execute(query))


def payers() -> list[tuple[int, str]]:
    rows = db.session.execute(select(Customer.id, Customer.name).order_by(func.lower(Customer.name)))
    return [(row.id, row.name) for row in rows]


def names_of_customers(customer_ids: Collection[int]) -> dict[int, str]:
    rows = db.session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(customer_ids)))
    return {row.id: row.name for row in rows}


def _receipts() -> tuple[Select[*tuple[Any, ...]], ColumnElement[int]]:
    """The rows with their sums, and the column of what is left of each; the sums are read for the rows of a page
    only."""
    spent = (
        select(cast(func.coalesce(func.sum(Allocation.total), 0), BigInteger).label("allocated"))
        .where(Allocation.receipt_id == Receipt.id)
        .lateral("spent")
    )
    passed_on = (
        select(cast(func.coalesce(func.sum(Payable.amount), 0), BigInteger).label("passed_on"))
        .where(Payable.receipt_id == Receipt.id)
        .lateral("passed_on")
    )
    undone = (
        select(
            cast(
                func.coalesce(
                    func.sum(-_contra.amount).filter(
                        _contra.kind.in_([ReceiptKind.REFUND, ReceiptKind.RETURNED])
                    ),
                    0,
                ),
                BigInteger,
            ).label("refunded"),
            cast(func.coalesce(func.sum(_contra.amount), 0), BigInteger).label("total"),
        )
        .where(_contra.of_receipt_id == Receipt.id)
        .lateral("undone")
    )
    query = (
        select(
            *columns_of(Receipt, ReceiptRow),
            Customer.name.label("customer"),
            _payment.bank_reference.label("of_reference"),
            spent.c.allocated,
            passed_on.c.passed_on,
            undone.c.refunded,
            Receipt.reversed_on.is_not(None).label("reversed"),
            Payout.disbursal_id.label("netted_disbursal_id"),
        )
        .select_from(Receipt)
        .join(Customer, Customer.id == Receipt.customer_id)
        .outerjoin(_payment, _payment.id == Receipt.of_receipt_id)
        .outerjoin(Payout, Payout.id == Receipt.netted_payout_id)
        .join(spent, literal(True))
        .join(passed_on, literal(True))
        .join(undone, literal(True))
    )
    return query, Receipt.amount + undone.c.total - spent.c.allocated - passed_on.c.passed_on


def _rows(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[ReceiptRow]:
    return [ReceiptRow(**row._mapping) for row in rows]
