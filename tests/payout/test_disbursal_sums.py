"""What is in a disbursal is summed as its lines change, and who owes a loan stands on its row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.support.database import OWNER
from tests.support.payouts import bundle_and_confirm
from tusker.extensions import db
from tusker.models import Disbursal, Invoice, Loan, Payout
from tusker.queries.record.proof import prove
from tusker.services.context import Context
from tusker.services.payout.disbursals.drafts import choose_lines
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("stopped_clock")


def sums(disbursal_id: int) -> tuple[int, int, int]:
    db.session.expire_all()
    found = db.session.get_one(Disbursal, disbursal_id)
    return found.invoices, found.taken_out, found.principal


def test_sums_follow_lines_taken_out_put_back_paid_and_returned(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    first, second = make_invoice("financeable"), make_invoice("financeable", value=5_000_00)
    made = bundle_and_confirm(ctx, [first.id, second.id], only_bundle=True)
    both = (2, 0, first.principal + second.principal)
    assert sums(made.id) == both
    with transaction():
        choose_lines(ctx, made.id, [first.id], reason="later")
    assert sums(made.id) == (1, 1, first.principal)
    with transaction():
        choose_lines(ctx, made.id, [first.id, second.id], reason="")
    assert sums(made.id) == both
    other = make_invoice("disbursed")
    loan = db.session.query(Loan).filter_by(invoice_id=other.id).one()
    paid = loan.disbursal_id
    assert (sums(paid), loan.debtor_id) == ((1, 0, other.principal), other.purchaser_id)
    with transaction():
        payout = db.session.query(Payout).filter_by(disbursal_id=paid).one()
        return_payout(ctx, payout.id, reason="account closed")
    assert sums(paid) == (1, 0, other.principal)
    assert prove().holds


def test_the_supplier_owes_by_recourse(make_invoice: Callable[..., Invoice]) -> None:
    invoice = make_invoice("disbursed")
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    loan.recourse_on = loan.due_date + timedelta(days=1)
    db.session.flush()
    assert loan.debtor_id == invoice.supplier_id
    loan.recourse_on = None
    db.session.flush()
    assert loan.debtor_id == invoice.purchaser_id
    db.session.execute(OWNER)
    db.session.execute(text("UPDATE loans SET supplier_id = 0, purchaser_id = 0"))
    db.session.refresh(loan)
    assert (loan.supplier_id, loan.purchaser_id) == (invoice.supplier_id, invoice.purchaser_id)
    db.session.rollback()


@pytest.mark.parametrize("company", ["supplier_id", "purchaser_id", "debtor_id"])
def test_the_proof_finds_wrong_sums_and_companies(make_invoice: Callable[..., Invoice], company: str) -> None:
    make_invoice("disbursed")
    db.session.execute(text("UPDATE disbursals SET principal = principal + 1"))
    db.session.execute(OWNER)
    db.session.execute(text("ALTER TABLE loans DISABLE TRIGGER loans_keep_debtor"))
    db.session.execute(text(f"UPDATE loans SET {company} = 0"))
    db.session.execute(text("ALTER TABLE loans ENABLE TRIGGER loans_keep_debtor"))
    assert [row.check for row in prove().mismatches] == [
        "companies of the loan",
        "principal of the disbursal, 1 invoices, 0 taken out",
    ]
    db.session.rollback()
