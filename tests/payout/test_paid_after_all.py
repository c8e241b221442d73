"""A payout that was rejected turns out to be paid: confirmed, or claimed where its invoices were paid out again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.camt import payment_of
from tests.support.pages import words
from tests.support.payouts import approve_and_release, bundle_and_confirm
from tests.support.values import TODAY, at
from tusker.domain.record.attention import AttentionKind
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import AttentionItem, Claim, CreditLine, Invoice, Loan, Payout, StatementEntry
from tusker.queries.delivery.conditions import unsettled_ids
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.record.proof import prove
from tusker.services.attention import review_items, rules_at
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.credit.requesting.financing import cancel_invoice
from tusker.services.delivery.conditions import allowed
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.settlement.confirming import confirm
from tusker.services.payout.settlement.paid_after_all import pay_after_all, words_of
from tusker.services.payout.settlement.rejection import reinstate_payout, reject_payout
from tusker.services.payout.settlement.undoing import return_payout
from tusker.transactions import transaction

Make = Callable[..., Invoice]
pytestmark = pytest.mark.usefixtures("stopped_clock")


def rejected(ctx: Context, *invoices: Invoice) -> Payout:
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id for invoice in invoices]).id)
        return reject_payout(ctx, made.payouts[0].id, reason="AC04 closed account")


def paid(ctx: Context, payout: Payout, **more: int) -> Payout:
    with transaction():
        given = {
            "bank_reference": "UTR-LATE",
            "value_date": ctx.today,
            "reason": "the bank was wrong",
            **more,
        }
        return pay_after_all(ctx, payout.id, **given)  # type: ignore[arg-type]


def holds() -> None:
    db.session.expire_all()
    proof = prove()
    assert (proof.differences, proof.mismatches) == ([], [])


def claims() -> list[tuple[str, int, int]]:
    return [(row.state, row.amount, row.open_amount) for row in db.session.query(Claim).order_by(Claim.id)]


def test_where_nothing_changed_it_is_confirmed(ctx: Context, line: CreditLine, make_invoice: Make) -> None:
    invoice = make_invoice("financeable", line=line)
    payout = paid(ctx, rejected(ctx, invoice))
    assert (payout.state, payout.disbursal.status, invoice.status) == ("confirmed", "confirmed", "disbursed")
    assert claims() == []
    with pytest.raises(Conflict, match="confirmed already"):
        paid(ctx, payout)
    holds()


@pytest.mark.parametrize(
    "since", ["paid out again", "cancelled", "one of two paid out again", "on its way again"]
)
def test_where_its_invoices_went_another_way_its_money_is_claimed(
    ctx: Context, line: CreditLine, make_invoice: Make, since: str
) -> None:
    """10,000.00 at 80 %: 8,000.00 left twice; the next payout of 8,000.00 is netted by them."""
    invoices = [make_invoice("financeable", line=line) for _ in range(2 if "two" in since else 1)]
    first = invoices[0]
    payout = rejected(ctx, *invoices)
    with transaction():
        if since == "cancelled":
            cancel_invoice(ctx, first.id, reason="another lender paid")
        elif since == "on its way again":
            approve_and_release(ctx, bundle_selection(ctx, [first.id]).id)
    if "paid out" in since:
        bundle_and_confirm(ctx, [first.id])
    with pytest.raises(Conflict, match="as paid after all"), transaction():
        reinstate_payout(ctx, payout.id, reason="no")
    before = first.status
    paid(at(ctx, 1), payout)
    assert (payout.state, payout.disbursal.status, first.status) == ("confirmed", "confirmed", before)
    assert claims() == [("accepted", payout.net, payout.net)]
    assert db.session.query(Claim).one().invoice_id == first.id
    if first.status == "disbursed":
        # that its goods come back is claimed besides
        with db.session.begin_nested() as looking:
            db.session.execute(
                text("UPDATE shipments SET status = 'returned' WHERE invoice_id = :id"), {"id": first.id}
            )
            assert unsettled_ids(allowed(), limit=5) == [first.id]
            looking.rollback()
    holds()
    again = invoices[1:] or [make_invoice("financeable", line=line) for _ in range(2)]
    bundle_and_confirm(at(ctx, 1), [again[0].id])
    assert claims() == [("accepted", payout.net, payout.net - 8_000_00)]
    assert db.session.query(Loan).filter_by(invoice_id=again[0].id).one().open_principal == 8_000_00
    assert credit_balance(line.supplier_id, at(ctx, 1).today) == 0
    holds()


@pytest.mark.parametrize("netted", ["", "before", "on its way", "before, and that came back"])
def test_one_that_comes_back_in_the_end_is_not_claimed(
    ctx: Context, line: CreditLine, make_invoice: Make, netted: str
) -> None:
    invoice, other = (make_invoice("financeable", line=line) for _ in range(2))
    payout = rejected(ctx, invoice)
    bundle_and_confirm(ctx, [invoice.id])
    paid(ctx, payout)
    if netted.startswith("before"):
        second = bundle_and_confirm(ctx, [other.id, make_invoice("financeable", line=line).id])
    elif netted:
        with transaction():
            both = [other.id, make_invoice("financeable", line=line).id]
            second = approve_and_release(ctx, bundle_selection(ctx, both).id)
    with transaction():
        return_payout(ctx, payout.id, reason="AC01 no such account")
    assert (payout.state, invoice.status) == ("returned", "disbursed")
    if netted == "on its way":
        assert credit_balance(line.supplier_id, TODAY) == 0
        with transaction():
            confirm(ctx, second.id, bank_reference="B-2", value_date=TODAY)
    holds()
    if netted:
        loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
        # What was netted is the supplier's: its credit, or it paid the loan of the claim's invoice.
        assert credit_balance(line.supplier_id, TODAY) + loan.principal - loan.open_principal == 8_000_00
    if netted.endswith("came back"):
        with transaction():
            return_payout(ctx, second.payouts[0].id, reason="AC01")
        assert credit_balance(line.supplier_id, TODAY) == 0
    assert all(row[2] == 0 for row in claims())
    holds()


def test_a_daily_disbursal_stands_again_beside_the_next_of_its_day(
    ctx: Context, line: CreditLine, make_invoice: Make
) -> None:
    invoice = make_invoice("financeable", line=line)
    with transaction():
        made = bundle_daily(ctx)
        assert made is not None
        payout = approve_and_release(ctx, made.id).payouts[0]
        reject_payout(ctx, payout.id, reason="AC04")
        again = bundle_daily(ctx)
        assert again is not None
        assert again.id != made.id
        approve_and_release(ctx, again.id)
    paid(ctx, payout)
    assert (made.status, made.origin, invoice.status) == ("confirmed", "manual", "bundled")
    holds()


def test_a_statement_tells_attention_says_what_to_do_and_the_page_does_it(
    app: Flask,
    ctx: Context,
    line: CreditLine,
    make_invoice: Make,
    login: Callable[..., FlaskClient],
    bank: Callable[..., ImportResult],
) -> None:
    invoice = make_invoice("financeable", line=line)
    payout = rejected(ctx, invoice)
    bundle_and_confirm(ctx, [invoice.id])
    bank([payment_of(payout, "UTR-LATE", amount=payout.net + 5_00, instructed=payout.net)])
    entry = db.session.query(StatementEntry).one()
    assert (entry.state, "paid after all" in entry.note) == ("open", True)

    def waiting() -> int:
        with transaction():
            review_items(ctx, rules_at(ctx))
        kind = AttentionKind.PAID_AFTER_ALL
        return db.session.query(AttentionItem).filter_by(kind=kind, resolved_at=None).count()

    assert waiting() == 1
    browser = login()
    shown = words(browser.get("/admin/attention").text)
    assert f"The bank booked {payout.reference} on" in shown
    assert "it is deducted from its next payouts" in shown
    page = f"/admin/disbursals/{payout.disbursal_id}"
    assert f"/admin/payouts/{payout.id}/paid" in browser.get(page).text
    data = {"bank_reference": "UTR-LATE", "value_date": f"{TODAY}", "reason": "see statement", "charges": "5"}
    wrong = browser.post(f"/admin/payouts/{payout.id}/paid", data={**data, "value_date": "2020-01-01"})
    assert wrong.status_code == 422
    assert claims() == []
    told = browser.post(f"/admin/payouts/{payout.id}/paid", data=data, follow_redirects=True)
    assert "₹8,000.00 are claimed from the supplier" in words(told.text)
    db.session.rollback()
    assert (entry.state, payout.statement_entry_id, waiting()) == ("matched", entry.id, 0)
    shown = words(browser.get(f"/invoices/{invoice.id}").text)
    assert f"Paid twice: {payout.reference} was taken for rejected" in shown
    assert browser.get("/admin/attention").status_code == browser.get(page).status_code == 200
    holds()


def test_the_command_does_the_same(ctx: Context, app: Flask, line: CreditLine, make_invoice: Make) -> None:
    payout = rejected(ctx, make_invoice("financeable", line=line))
    given = [
        payout.reference,
        "--bank-reference",
        "U-1",
        "--value-date",
        f"{TODAY}",
        "--reason",
        "the bank says so",
    ]
    done = app.test_cli_runner().invoke(args=["paid-after-all", *given])
    assert (done.exit_code, done.output.strip()) == (0, words_of(payout))
