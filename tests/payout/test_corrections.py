"""Documents that are not valid hold their invoice, and a wrong value is corrected before the payout."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.support.bank_accounts import Run
from tests.support.funding import FundingDesk
from tests.support.payouts import bundle_and_confirm
from tests.support.people import acts
from tusker.domain.delivery.financeable import Condition
from tusker.errors import Conflict, FinancingRefused, InvalidInput
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, OutboxMessage, Proposal, Role, ShipmentDocument, User
from tusker.queries.delivery.conditions import unsettled_ids
from tusker.queries.loans.loans import loan_of_invoice
from tusker.queries.record.proof import prove
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.services.delivery.conditions import Judge, allowed, lock_pairs
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.payout.funding.correction import correct_value
from tusker.services.payout.funding.purchaser_answers import confirm_delivery
from tusker.services.payout.funding.verification import mark_invalid, verify_document
from tusker.transactions import transaction


def missing(invoice: Invoice) -> tuple[Condition, ...]:
    with transaction():
        [pair] = lock_pairs([invoice.id])
        return Judge([pair]).open_for(*pair)


def the_document() -> ShipmentDocument:
    return db.session.query(ShipmentDocument).order_by(ShipmentDocument.id).first()


def test_a_document_that_is_not_valid_holds_its_invoice_until_it_is_taken_back(
    funding: FundingDesk, login: Callable[..., FlaskClient], mails: Callable[[], list[OutboxMessage]]
) -> None:
    invoice = funding.deliver(funding.ask(), proof=True)
    assert invoice.status == "financeable"
    admin, document = login(Role.ADMIN), the_document().id
    supplier = login(Role.SUPPLIER, customer=invoice.supplier)
    assert admin.post(f"/invoices/documents/{document}/invalid", data={"reason": ""}).status_code == 422
    answer = admin.post(f"/invoices/documents/{document}/invalid", data={"reason": "Another stamp"})
    assert answer.status_code == 303
    db.session.expire_all()
    assert (invoice.status, missing(invoice)) == ("approved", (Condition.PAPER,))
    assert unsettled_ids(allowed(), limit=10) == []  # SQL agrees with the domain
    assert [(m.template, m.context["reason"]) for m in mails()[-1:]] == [
        ("delivery/document_invalid", "Another stamp")
    ]
    assert "not valid: Another stamp" in supplier.get(f"/invoices/{invoice.id}").text
    with pytest.raises(Conflict, match="take that back first"), transaction():
        verify_document(funding.ctx, document, verified=True)
    assert (
        admin.post(f"/invoices/documents/{document}/valid", data={"reason": "A new stamp"}).status_code == 303
    )
    db.session.expire_all()
    assert invoice.status == "financeable"
    kinds = {e.kind for e in db.session.query(Event).filter_by(subject="invoice")}
    assert {"document_invalid", "document_valid_again"} <= kinds


def test_another_verified_document_takes_its_place(funding: FundingDesk) -> None:
    funding.want(documents=True)
    invoice = funding.deliver(funding.ask(), proof=True)
    first = the_document()
    with transaction() as session:
        second = ShipmentDocument(
            shipment_id=first.shipment_id, kind="signed_invoice", uri="https://docs.example/b", identity="b"
        )
        session.add(second)
    with transaction():
        verify_document(funding.ctx, first.id, verified=True)
    assert invoice.status == "financeable"
    with transaction():
        mark_invalid(funding.ctx, first.id, reason="copied")
    assert (first.verified_at, invoice.status) == (None, "approved")
    with transaction():
        verify_document(funding.ctx, second.id, verified=True)
    assert invoice.status == "financeable"
    assert unsettled_ids(allowed(), limit=10) == []


def test_it_is_taken_out_of_a_draft_and_refused_at_the_release(funding: FundingDesk) -> None:
    invoice = funding.deliver(funding.ask(), proof=True)
    disbursal = bundle_and_confirm(funding.ctx, [invoice.id], only_bundle=True)
    with transaction():
        mark_invalid(funding.ctx, the_document().id, reason="copied")
    assert (disbursal.status, invoice.status) == ("dropped", "approved")


def correct(ctx: Context, invoice: Invoice, amount: int) -> None:
    with transaction():
        correct_value(ctx, invoice.id, amount=amount, reason="a digit too many")


def test_a_lower_value_frees_and_a_higher_one_takes_on_the_terms_as_agreed(
    funding: FundingDesk, mails: Callable[[], list[OutboxMessage]]
) -> None:
    invoice = funding.ask()
    line = db.session.get_one(CreditLine, invoice.credit_line_id)
    with transaction():
        invoice.supplier.email = "accounts@seller.example"  # nobody of it has an account
        line.advance_rate = line.advance_rate / 2  # the invoice keeps what was agreed
    correct(funding.ctx, invoice, 5_000_00)
    assert (invoice.amount, invoice.principal, line.used_amount) == (5_000_00, 4_000_00, 4_000_00)
    correct(funding.ctx, invoice, 12_000_00)
    assert (invoice.principal, line.used_amount) == (9_600_00, 9_600_00)
    with transaction():
        record_credit_note(funding.ctx, invoice.id, number="CN-1", amount=2_000_00)
    assert (invoice.principal, line.used_amount) == (8_000_00, 8_000_00)
    assert prove().holds
    told = mails()[-1]
    assert (told.template, told.recipient, told.context["before"], told.context["amount"]) == (
        "credit/value_corrected",
        "accounts@seller.example",
        "₹5,000.00",
        "₹12,000.00",
    )
    funding.deliver(invoice)
    bundle_and_confirm(funding.ctx, [invoice.id])
    loan = loan_of_invoice(invoice.id, funding.ctx.today)
    assert loan is not None
    assert (loan.principal, loan.face) == (8_000_00, 12_000_00)
    with pytest.raises(Conflict, match="not corrected any more"):
        correct(funding.ctx, invoice, 10_000_00)
    assert prove().holds


@pytest.mark.parametrize("amount", [10_000_00, 0])
def test_what_is_no_other_value_is_refused(funding: FundingDesk, amount: int) -> None:
    invoice = funding.ask()
    with pytest.raises(InvalidInput):
        correct(funding.ctx, invoice, amount)


def test_a_limit_that_does_not_hold_changes_nothing(funding: FundingDesk) -> None:
    invoice = funding.ask()
    supplier = invoice.supplier.supplier
    assert supplier is not None
    with transaction():
        supplier.limit_amount = supplier.used_amount + 1_00
    with pytest.raises(FinancingRefused, match=r"The supplier limit would be exceeded by ₹799.00"):
        correct(funding.ctx, invoice, 11_000_00)
    db.session.expire_all()
    assert (invoice.amount, supplier.used_amount) == (10_000_00, 8_000_00)
    correct(funding.ctx, invoice, 10_001_25)
    assert (invoice.principal, supplier.used_amount) == (8_001_00, 8_001_00)
    assert prove().differences == []
    with transaction():
        db.session.get_one(CreditLine, invoice.credit_line_id).status = "suspended"
    with pytest.raises(FinancingRefused, match="is suspended"):
        correct(funding.ctx, invoice, 11_000_00)
    correct(funding.ctx, invoice, 9_000_00)


def test_a_purchaser_that_confirmed_another_amount_is_asked_again(funding: FundingDesk) -> None:
    funding.want(confirmation=True)
    invoice = funding.deliver(funding.ask())
    with transaction():
        confirm_delivery(funding.ctx, invoice.purchaser_id, invoice.id)
    assert invoice.status == "financeable"
    correct(funding.ctx, invoice, 9_000_00)
    assert (invoice.status, invoice.purchaser_answer) == ("approved", None)
    assert missing(invoice) == (Condition.VALUE, Condition.CONFIRMATION)  # the courier was told another


def test_raising_it_needs_another_admin_and_lowering_does_not(
    funding: FundingDesk, four_eyes: None, create_user: Callable[..., User]
) -> None:
    invoice = funding.ask()
    maker, checker = (acts(funding.ctx, create_user()) for _ in range(2))
    correct(maker, invoice, 9_000_00)
    assert invoice.amount == 9_000_00
    with transaction():
        made = correct_value(maker, invoice.id, amount=11_000_00, reason="a pallet more")
    assert isinstance(made, Proposal)
    db.session.expire_all()
    assert (invoice.amount, invoice.principal) == (9_000_00, 7_200_00)
    with transaction():
        accept(checker, made.id)
    db.session.expire_all()
    assert (invoice.amount, invoice.principal) == (11_000_00, 8_800_00)
    assert prove().holds


def test_commands(funding: FundingDesk, run: Run) -> None:
    invoice = funding.deliver(funding.ask(), proof=True)
    said = run("correct-value", f"#{invoice.id}", "--amount", "9000", "--reason", "typed wrongly")
    assert said == (0, "The value is ₹9,000.00.\n")
    assert run("correct-value", f"#{invoice.id}", "--amount", "x", "--reason", "typed")[0] == 1
    document = str(the_document().id)
    assert run("mark-document", document, "--reason", "copied")[0] == 0
    assert Condition.PAPER in missing(invoice)
    assert run("mark-document", document, "--valid", "--reason", "an original")[0] == 0
    assert missing(invoice) == (Condition.VALUE,)
    assert run("accept-delivery", f"#{invoice.id}", "--reason", "seen")[0] == 1
    assert run("tell-apart", f"#{invoice.id}", "--reason", "seen")[0] == 1
