"""Loans as debts: locked with their invoices, and what is owed on them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import literal, or_, select
from sqlalchemy.orm.attributes import set_committed_value

from tusker.domain.loans.extensions import after_moves
from tusker.domain.loans.interest import PARTS, AmountDue, Debt, Paid, amount_due, parts_of
from tusker.domain.texts import Numbers, number_words
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import Adjustment, AdjustmentKind, Allocation, Invoice, Loan, Relief
from tusker.queries.loans.loans import TO_COLLECT, WRITTEN_OFF
from tusker.services.locks import among, lock_invoices, lock_rows


@dataclass(frozen=True, slots=True)
class OpenDebt:
    """A locked loan with its locked invoice and its debt as of all rows written when it was locked.

    `kept_back` is what the purchaser keeps back with the payment that is being recorded, in minor units.
    """

    loan: Loan
    invoice: Invoice
    debt: Debt
    kept_back: int = 0
    _dues: dict[date, AmountDue] = field(default_factory=dict, repr=False)

    @property
    def debtor_id(self) -> int:
        """Who owes it: the purchaser, or by recourse the supplier."""
        return self.invoice.purchaser_id if self.loan.recourse_on is None else self.invoice.supplier_id

    def is_owed_by(self, customer_id: int) -> bool:
        """Whether a company owes it, or as its purchaser has still to pay a part of the face value; nobody owes what
        was written off."""
        if self.is_written_off:
            return False
        if self.rest_for(customer_id, 0) > 0:
            return True
        return self.loan.closed_on is None and self.debtor_id == customer_id

    @property
    def is_written_off(self) -> bool:
        """Whether money that comes is a recovery of what was given up."""
        return self.loan.written_off_on is not None

    @property
    def parties(self) -> tuple[int, int]:
        """Who may pay it."""
        return self.invoice.purchaser_id, self.invoice.supplier_id

    @property
    def last_payment(self) -> date | None:
        """The latest value date of what was paid or adjusted and not undone on it."""
        return max((row.value_date for row in self.loan.standing), default=None)

    def face_for(self, payer_id: int) -> int | None:
        """What a payer has still to pay of the invoice where it is the purchaser and pays the face value; else None."""
        if self.loan.face_open is None or payer_id != self.invoice.purchaser_id:
            return None
        return self.loan.face_open - self.kept_back

    def rest_for(self, payer_id: int, paid: int) -> int:
        """What of the face value a payer has still to pay beyond `paid` of the debt: it is the supplier's. Nothing from
        one that pays the debt."""
        face = self.face_for(payer_id)
        return 0 if face is None else max(0, face - paid)

    def may_be_paid_on(self, day: date) -> bool:
        """Whether money of a value date can pay it: not before the payout, nor before a payment that was recorded; what
        was written off only until all of it came in."""
        if self.is_written_off and self.due_on(day).total == 0:
            return False
        if self.loan.closed_on is not None:
            return day >= self.loan.start_date
        return day >= max(self.loan.start_date, self.last_payment or day)

    def counts_from(self, day: date) -> date:
        """From when money of a value date counts: what was written off is fixed, and nothing paid it before that."""
        return max(
            [day, *(row.value_date for row in self.loan.given_up if row.kind == AdjustmentKind.WRITE_OFF)]
        )

    def due_on(self, day: date) -> AmountDue:
        """What can be paid on a value date, worked out once: what is owed; what was written off and has not come in
        since, whatever the day; nothing on another closed one.

        Raises `InvalidInput` naming `value_date` for a day before the payout or before a payment that was recorded
        with a later value date."""
        if day not in self._dues:
            if self.loan.closed_on is None:
                self._check_value_date(day)
                self._dues[day] = amount_due(self.debt, day)
            else:
                self._dues[day] = _not_recovered(self.loan, day)
        return self._dues[day]

    def _check_value_date(self, day: date) -> None:
        if day < self.loan.start_date:
            raise InvalidInput(
                "The value date must not be before the payout of {invoice_number} ({start_date}).",
                invoice_number=self.invoice.number,
                start_date=self.loan.start_date,
                field="value_date",
            )
        last = self.last_payment
        if last is not None and day < last:
            raise InvalidInput(
                "A payment or adjustment on {invoice_number} with value date {last} is recorded "
                "already; undo it first to record an earlier one.",
                invoice_number=self.invoice.number,
                last=last,
                field="value_date",
            )


def named_by(text: str, debts: Iterable[OpenDebt]) -> set[int]:
    """Ids of the loans that a text names as a whole word, by invoice number, loan id or the platform's."""
    by_words: dict[tuple[str, ...], set[int]] = {}
    for debt in debts:
        for name in (debt.invoice.number, debt.loan.reference, debt.loan.platform_reference or ""):
            if words := number_words(name):
                by_words.setdefault(words, set()).add(debt.loan.id)
    return {loan_id for words in Numbers(by_words).named_in(text) for loan_id in by_words[words]}


def _not_recovered(loan: Loan, day: date) -> AmountDue:
    """What of a loan was written off and did not come in since; nothing on one that was not."""
    rows = loan.given_up
    return AmountDue(
        day,
        days_past_due=0,
        **{name: sum(getattr(row, name) for row in rows) for name in PARTS},
    )


def owed_on(loan: Loan, invoice: Invoice, day: date) -> int:
    """What can be asked for on a loan on a day, in minor units: what is owed, or what of it was given up and has not
    come in since."""
    if loan.written_off_on is not None:
        return _not_recovered(loan, day).total
    return (
        0
        if loan.closed_on is not None
        else amount_due(debt_of(loan, invoice), max(day, loan.start_date)).total
    )


def debt_of(loan: Loan, invoice: Invoice) -> Debt:
    """A loan with its frozen terms, what was paid on it and what adjusted it, as the domain's value."""
    _, free = after_moves(loan.first_due_date or loan.due_date, loan.moves)
    return Debt(
        principal=loan.principal,
        fee=loan.fee,
        start=loan.start_date,
        due=loan.due_date,
        terms=invoice.terms,
        paid=[Paid(row.value_date, **parts_of(row)) for row in loan.reductions],
        deducted=loan.deducted,
        free=free,
    )


def lock_debts_owed_by(
    customer_id: int, *, with_other_side: bool = False, written_off: bool = False
) -> list[OpenDebt]:
    """Lock the debts that a company owes, oldest due first.

    A purchaser owes unless the debt has turned to the supplier by recourse; `with_other_side` adds the debts on
    which the company is the other party, since nothing keeps it from paying those too. Debts that are paid count
    where the purchaser pays the face value and has not paid all of it; `written_off` adds those of either side that
    were given up.
    """
    party = or_(Invoice.purchaser_id == customer_id, Invoice.supplier_id == customer_id)
    owes = or_(
        (Invoice.purchaser_id == customer_id) & (Loan.recourse_on.is_(None) | (Loan.face_open > 0)),
        (Invoice.supplier_id == customer_id) & Loan.recourse_on.is_not(None),
    )
    if with_other_side:
        owes = party
    to_collect = TO_COLLECT & (Invoice.purchaser_id == customer_id)
    found = db.session.scalars(
        select(Invoice.id)
        .join(Loan, Loan.invoice_id == Invoice.id)
        .where(Loan.closed_on.is_(None) & owes | to_collect | WRITTEN_OFF & party & literal(written_off))
    ).all()
    return lock_debts(found, closed_too=True)


def lock_debts(invoice_ids: Collection[int], *, closed_too: bool = False) -> list[OpenDebt]:
    """Lock invoices, then their open loans, both by ascending id; returns the debts, oldest due first.

    `closed_too` as in `lock_debts_on`.

    An invoice without an open loan is left out: while this waited for a lock, another receipt may have paid it.
    """
    return lock_debts_on(lock_invoices(invoice_ids), closed_too=closed_too) if invoice_ids else []


def lock_debts_of(loan_ids: Collection[int]) -> list[OpenDebt]:
    """Lock loans by id; those on which nothing can be paid are left out."""
    standing = select(Loan.invoice_id).where(
        Loan.id.in_(loan_ids), Loan.closed_on.is_(None) | TO_COLLECT | WRITTEN_OFF
    )
    found = db.session.scalars(standing).all()
    return lock_debts(found, closed_too=True)


def lock_debts_on(invoices: Collection[Invoice], *, closed_too: bool = False) -> list[OpenDebt]:
    """Lock the open loans of invoices that are locked already; `closed_too` adds those on which money may still come:
    paid ones of whose invoices the purchaser has not paid all of the face value, and those that were written off."""
    by_id = {invoice.id: invoice for invoice in invoices}
    loans = lock_rows(
        Loan,
        Loan.invoice_id.in_(by_id),
        Loan.closed_on.is_(None) | (TO_COLLECT | WRITTEN_OFF) & literal(closed_too),
    )
    load_reductions(loans)
    debts = [OpenDebt(loan, by_id[loan.invoice_id], debt_of(loan, by_id[loan.invoice_id])) for loan in loans]
    return sorted(debts, key=lambda debt: (debt.loan.due_date, debt.loan.id))


def load_reductions(loans: Collection[Loan]) -> None:
    """Read all loans' allocations and adjustments anew, and the relief of those whose due date was moved once, in a
    query each rather than one for each loan."""
    moved = [loan for loan in loans if loan.first_due_date is not None]
    tables: tuple[tuple[str, Any, Collection[Loan]], ...] = (
        ("allocations", Allocation, loans),
        ("adjustments", Adjustment, loans),
        ("reliefs", Relief, moved),
    )
    for name, model, of_loans in tables:
        found: dict[int, list[Any]] = {loan.id: [] for loan in of_loans}
        if not found:
            continue
        rows = db.session.scalars(
            select(model)
            .where(among(model.loan_id, found))
            .order_by(model.id)
            .execution_options(populate_existing=True)
        )
        for row in rows:
            found[row.loan_id].append(row)
        for loan in of_loans:
            set_committed_value(loan, name, found[loan.id])
