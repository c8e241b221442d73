"""What each supplier gets for a disbursal: as it was instructed, or as it would be if it were released now."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, NotNullable, Row, any_, cast, func, literal, select
from sqlalchemy.orm import joinedload

from tusker.domain.loans.interest import Deduction, deduction_at_payout
from tusker.domain.terms import InterestTiming, Terms
from tusker.errors import existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    BankAccount,
    Claim,
    ClaimState,
    DisbursalLine,
    DisbursalStatus,
    Invoice,
    LineState,
    Payout,
    PayoutState,
)
from tusker.models.columns import TermsColumns, terms_of
from tusker.queries.payout.bank_accounts import active_accounts
from tusker.queries.payout.payables import to_pass_on
from tusker.working_days import working_days

_TERMS = [Invoice.__table__.c[name] for name in TermsColumns.__annotations__]

NOT_RELEASED = frozenset({DisbursalStatus.DRAFT, DisbursalStatus.APPROVED})
FAILED = frozenset({PayoutState.REJECTED, PayoutState.RETURNED})


@dataclass(slots=True)
class SupplierPayout:
    """What one supplier gets, in minor units. `deductions` are by invoice id.

    `payout` is the released payout's row; before the release None. `account` is the approved bank account, None where
    the supplier has none.
    """

    principal: int = 0
    interest: int = 0
    fee: int = 0
    payables: int = 0
    """What is passed on to the supplier of what purchasers paid beyond their debts."""
    claims: int = 0
    deductions: dict[int, Deduction] = field(default_factory=dict)
    account: BankAccount | None = None
    failure: str | None = None
    """Why the last payout to that account was not made, or came back; None when it arrived."""
    payout: Payout | None = None

    @property
    def before_claims(self) -> int:
        """Principal less what is deducted, and what is passed on."""
        return self.principal - self.interest - self.fee + self.payables

    @property
    def net(self) -> int:
        """The amount to transfer."""
        return self.before_claims - self.claims

    @property
    def confirmed(self) -> bool:
        """Whether the bank made it, and it did not come back."""
        return self.payout is not None and self.payout.state == PayoutState.CONFIRMED

    def add(self, invoice_id: int, principal: int, deducted: Deduction) -> None:
        self.deductions[invoice_id] = deducted
        self.principal += principal
        self.interest += deducted.interest
        self.fee += deducted.fee


def disbursal_id_of_payout(payout_id: int) -> int:
    """The disbursal that a payout is of; raises `NotFound`."""
    return existing(
        db.session.scalar(select(Payout.disbursal_id).where(Payout.id == payout_id)), say("payout")
    )


def payouts_of(
    disbursal_id: int, status: str, start: date, *, supplier_id: int | None = None
) -> dict[int, SupplierPayout]:
    """Payouts by supplier id: as they were released, or as they would be if the disbursal were released for `start`.

    A disbursal that was dropped pays nothing. With `supplier_id` only what that supplier is paid.
    """
    if status in NOT_RELEASED:
        included = (
            select(DisbursalLine.invoice_id)
            .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
            .where(DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED)
        )
        if supplier_id is not None:
            included = included.where(Invoice.supplier_id == supplier_id)
        return would_be_paid(list(db.session.scalars(included)), start, to_pass_on(disbursal_id))
    return _as_released(disbursal_id)


def would_be_paid(
    invoice_ids: Collection[int], start: date, passed_on: Iterable[tuple[int, int, int]] = ()
) -> dict[int, SupplierPayout]:
    """What each supplier would get for these invoices if they were paid out on `start`, by supplier id; `passed_on`
    are payables as (id, minor units, supplier id)."""
    found: dict[int, SupplierPayout] = {}
    for row, terms, due in _with_terms(invoice_ids, start):
        deducted = deduction_at_payout(row.principal, terms, start, due)
        found.setdefault(row.supplier_id, SupplierPayout()).add(row.id, row.principal, deducted)
    for _, amount, supplier_id in passed_on:
        found.setdefault(supplier_id, SupplierPayout()).payables += amount
    claims = db.session.execute(
        select(Claim.supplier_id, cast(func.sum(Claim.open_amount), BigInteger))
        .where(Claim.supplier_id.in_(found), Claim.open_amount > 0, Claim.state == ClaimState.ACCEPTED)
        .group_by(Claim.supplier_id)
    )
    for supplier_id, amount in claims:
        found[supplier_id].claims = max(0, min(amount, found[supplier_id].before_claims))
    accounts = active_accounts(found)
    failures = _failures_of([account.id for account in accounts.values()])
    for supplier_id, account in accounts.items():
        found[supplier_id].account = account
        found[supplier_id].failure = failures.get(account.id)
    return found


def deductions_of(invoice_ids: Collection[int], start: date) -> Iterator[tuple[int, int, int, Deduction]]:
    """Of each invoice that pays upfront, by id: its supplier, its principal, and what is kept back of that if it is
    paid out on `start`."""
    for row, terms, due in _with_terms(invoice_ids, start, Invoice.interest_timing == InterestTiming.UPFRONT):
        yield row.id, row.supplier_id, row.principal, deduction_at_payout(row.principal, terms, start, due)


def fees_of(invoice_ids: Collection[int], start: date) -> Iterator[tuple[int, int, date]]:
    """Of each invoice, by id: the fee of its loan that begins on `start`, in minor units, and when that is due."""
    for row, terms, due in _with_terms(invoice_ids, start):
        yield row.id, terms.fee_of(row.principal), due


def _with_terms(
    invoice_ids: Collection[int], start: date, *which: ColumnElement[bool]
) -> Iterator[tuple[Row[Any], Terms, date]]:
    """Invoices by id with their terms, which thousands of them share, and the due date of a loan from `start`."""
    agreed: dict[tuple[Any, ...], tuple[Terms, date]] = {}
    query = select(Invoice.id, Invoice.supplier_id, Invoice.principal, *_TERMS).order_by(Invoice.id)
    chosen = any_(literal(list(invoice_ids), ARRAY(BigInteger)))
    for row in db.session.execute(
        query.where(Invoice.id == chosen, *which).execution_options(yield_per=5_000)
    ):
        key = tuple(row[3:])
        if key not in agreed:
            terms = terms_of(row)
            agreed[key] = terms, working_days().due_date(start, terms)
        yield row, *agreed[key]


def _failures_of(account_ids: Collection[int]) -> dict[int, str]:
    """By account, why the last payout to it that the bank has answered for failed; accounts whose last one arrived
    are missing."""
    last = (
        select(Payout.state, Payout.reason)
        .where(Payout.bank_account_id == BankAccount.id, Payout.state != PayoutState.INSTRUCTED)
        .order_by(Payout.settled_at.desc(), Payout.id.desc())
        .limit(1)
        .lateral("last")
    )
    accounts = select(BankAccount.id, last.c.reason).join(last, literal(True))
    failed = accounts.where(BankAccount.id.in_(account_ids), last.c.state.in_(FAILED))
    return {account_id: reason for account_id, reason in db.session.execute(failed)}


def _as_released(disbursal_id: int) -> dict[int, SupplierPayout]:
    rows = db.session.scalars(
        select(Payout).where(Payout.disbursal_id == disbursal_id).options(joinedload(Payout.bank_account))
    ).all()
    found = {
        row.supplier_id: SupplierPayout(
            row.principal,
            row.deducted_interest,
            row.deducted_fee,
            row.payables,
            row.claims,
            account=row.bank_account,
            payout=row,
        )
        for row in rows
    }
    lines = db.session.execute(
        select(
            Payout.supplier_id,
            DisbursalLine.invoice_id,
            NotNullable(DisbursalLine.deducted_interest),
            NotNullable(DisbursalLine.deducted_fee),
        )
        .join(Payout, Payout.id == DisbursalLine.payout_id)
        .where(Payout.disbursal_id == disbursal_id)
    )
    for supplier_id, invoice_id, interest, fee in lines:
        found[supplier_id].deductions[invoice_id] = Deduction(interest, fee)
    return found
