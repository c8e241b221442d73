"""Two people and a bank: who may approve, what is frozen, what the bank may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError

from tests.support import counting
from tests.support.database import OWNER
from tests.support.payouts import account_of, approve_and_release, bundle_and_confirm
from tests.support.threads import in_threads
from tests.support.values import TERMS, TODAY
from tusker.domain.accounts import AccountNumber
from tusker.domain.terms import InterestTiming
from tusker.errors import Conflict, Duplicate, InvalidInput, NotAllowed
from tusker.extensions import db
from tusker.models import (
    BankAccount,
    Claim,
    ClaimSettlement,
    CreditLine,
    Customer,
    Disbursal,
    Event,
    Invoice,
    Loan,
    OutboxMessage,
    Payout,
    User,
)
from tusker.queries.record.proof import prove
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.services.loans.deductions.credit_notes import record_credit_note
from tusker.services.loans.receipts.recording import repay_in_full
from tusker.services.payout.bank_accounts import propose_account, set_account
from tusker.services.payout.disbursals.bundling import bundle_daily, bundle_selection
from tusker.services.payout.disbursals.drafts import choose_lines, drop
from tusker.services.payout.release.approval import approve, withdraw_approval
from tusker.services.payout.release.payment_orders import take_payment_order
from tusker.services.payout.release.releasing import release
from tusker.services.payout.settlement.confirming import NETTED, confirm, confirm_payout
from tusker.services.payout.settlement.rejection import reinstate_payout, reject_payout
from tusker.services.payout.settlement.undoing import return_payout, undo_disbursal
from tusker.services.people.users import deactivate_user
from tusker.transactions import transaction

UPFRONT = replace(TERMS, interest_timing=InterestTiming.UPFRONT, fee_flat=500_00)

Acts = Callable[[], Context]


@pytest.fixture
def admin(ctx: Context, create_user: Callable[..., User]) -> Acts:
    """A new admin acting at each call."""

    def make() -> Context:
        user = create_user()
        return replace(ctx, actor_id=user.id, actor=user.name)

    return make


@pytest.fixture
def two_suppliers(
    make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> list[Invoice]:
    """Financeable invoices: two of one supplier, one of another."""
    first, second = make_line(), make_line()
    return [make_invoice("financeable", line=line) for line in (first, first, second)]


def ids_of(invoices: list[Invoice]) -> list[int]:
    return [invoice.id for invoice in invoices]


def test_who_prepared_or_changed_it_may_not_approve_it(admin: Acts, two_suppliers: list[Invoice]) -> None:
    maker, changer, other = admin(), admin(), admin()
    ids = ids_of(two_suppliers)
    with transaction():
        made = bundle_selection(maker, ids)
    with transaction():
        choose_lines(changer, made.id, ids[:2], reason="disputed")
    for actor in (maker, changer):
        with pytest.raises(NotAllowed, match="another admin must approve"), transaction():
            approve(actor, made.id, second_admin=True)
    with pytest.raises(NotAllowed, match="must be signed in"), transaction():
        approve(replace(other, actor_id=None), made.id, second_admin=True)
    with transaction():
        approve(other, made.id, second_admin=True)
    assert (made.status, made.approved_by) == ("approved", other.actor_id)
    assert db.session.scalars(select(OutboxMessage.template)).all().count("payout/disbursal_approved") == 3
    with pytest.raises(Conflict, match="withdraw the approval"), transaction():
        choose_lines(maker, made.id, ids, reason="")


def test_the_database_refuses_a_maker_as_approver(admin: Acts, two_suppliers: list[Invoice]) -> None:
    maker = admin()
    with transaction():
        made = bundle_selection(maker, ids_of(two_suppliers))
    with pytest.raises(IntegrityError, match="maker_is_not_approver"), transaction() as session:
        session.execute(
            text(
                "UPDATE disbursals SET second_admin = true, approved_at = now(), approved_by = :by,"
                " status = 'approved' WHERE id = :id"
            ),
            {"by": maker.actor_id, "id": made.id},
        )


def test_one_admin_is_enough_where_the_installation_says_so(
    admin: Acts, two_suppliers: list[Invoice]
) -> None:
    maker = admin()
    with transaction():
        made = bundle_selection(maker, ids_of(two_suppliers))
        approve(maker, made.id, second_admin=False)
    with pytest.raises(Conflict, match="without a second admin"), transaction():
        release(maker, made.id, execution_date=TODAY, second_admin=True)
    with transaction():
        release(maker, made.id, execution_date=TODAY, second_admin=False)
    assert made.status == "released"


def test_an_approval_can_be_withdrawn_and_a_draft_dropped_by_its_approver(
    admin: Acts, two_suppliers: list[Invoice]
) -> None:
    maker, other = admin(), admin()
    with transaction():
        made = bundle_selection(maker, ids_of(two_suppliers))
        approve(other, made.id, second_admin=True)
    with pytest.raises(InvalidInput), transaction():
        withdraw_approval(maker, made.id, reason=" ")
    with transaction():
        withdraw_approval(maker, made.id, reason="wrong day")
    assert (made.status, made.approved_by, made.approved_digest) == ("draft", None, None)
    with transaction():
        approve(other, made.id, second_admin=True)
    with transaction():
        drop(other, made.id, reason="bank holiday")
    assert made.status == "dropped"
    assert {invoice.status for invoice in two_suppliers} == {"financeable"}


def test_nobody_without_approved_bank_details_is_paid(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_supplier: Callable[..., Customer],
    make_invoice: Callable[..., Invoice],
) -> None:
    supplier = make_supplier("Nowhere Ltd", account=False)
    invoice = make_invoice("financeable", line=make_line(supplier))
    with transaction():
        made = bundle_selection(ctx, [invoice.id])
    with pytest.raises(Conflict, match="Nowhere Ltd"), transaction():
        approve(ctx, made.id, second_admin=False)
    assert made.status == "draft"


def test_an_account_that_changed_after_the_approval_stops_the_release(
    ctx: Context, two_suppliers: list[Invoice]
) -> None:
    with transaction():
        made = bundle_selection(ctx, ids_of(two_suppliers))
        approve(ctx, made.id, second_admin=False)
    other = AccountNumber("Somebody else", account_number="999999999", ifsc="ICIC0000001")
    with transaction():
        set_account(ctx, two_suppliers[0].supplier_id, other)
    with pytest.raises(Conflict, match="has changed since the approval"), transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    assert (made.status, db.session.query(Payout).count()) == ("approved", 0)


TAMPERED = (
    "UPDATE bank_accounts SET account_number = '999999999' WHERE customer_id = :id AND state = 'active'"
)
NOT_ACCEPTED = "Not the account that was accepted: {}. It was changed directly in the database"


def tamper(customer_id: int, sql: str = TAMPERED) -> None:
    """Change an account as the tables' owner does, past the application."""
    with transaction():
        db.session.execute(OWNER)
        assert db.session.execute(text(sql), {"id": customer_id}).rowcount == 1  # type: ignore[attr-defined]
    db.session.expire_all()


def test_a_number_that_the_owner_changed_after_the_approval_stops_release_and_file(
    ctx: Context, two_suppliers: list[Invoice], mails: Callable
) -> None:
    supplier = two_suppliers[0].supplier
    with transaction():
        made = bundle_selection(ctx, ids_of(two_suppliers))
        approve(ctx, made.id, second_admin=False)
    approved = made.approved_digest
    tamper(supplier.id)
    with pytest.raises(Conflict, match=NOT_ACCEPTED.format(supplier.name)), transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    assert (made.status, db.session.query(Payout).count()) == ("approved", 0)
    [found] = prove().mismatches
    assert (found.check, found.is_amount) == ("bank account as it was accepted", False)
    assert found.subject.startswith(f"{supplier.name}, account ")
    tamper(supplier.id, TAMPERED.replace("999999999", str(account_of(supplier.id, "").account_number)))
    assert prove().holds
    assert made.approved_digest == approved
    with transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    tamper(supplier.id)
    with pytest.raises(Conflict, match=NOT_ACCEPTED.format(supplier.name)), transaction():
        take_payment_order(ctx, made.id, debtor=account_of(0, "We"), initiator="We", kind="csv")


def test_a_number_that_the_owner_changed_after_two_admins_accepted_it_is_not_approved(
    admin: Acts, two_suppliers: list[Invoice]
) -> None:
    supplier = two_suppliers[0].supplier
    with transaction():
        proposed = propose_account(
            admin(), supplier.id, AccountNumber("New", account_number="1234567890", ifsc="ICIC0000001")
        )
        accept(admin(), proposed.id)
        made = bundle_selection(admin(), ids_of(two_suppliers))
    tamper(supplier.id)
    with pytest.raises(Conflict, match=NOT_ACCEPTED.format(supplier.name)), transaction():
        approve(admin(), made.id, second_admin=False)
    assert [row.check for row in prove().mismatches] == ["bank account as it was accepted"]


def test_an_account_that_nobody_accepted_is_named_and_not_paid(
    ctx: Context, two_suppliers: list[Invoice]
) -> None:
    """A new row, made the active one by SQL alone."""
    supplier = two_suppliers[0].supplier
    with transaction():
        set_account(ctx, supplier.id, AccountNumber("New", account_number="1234567890", ifsc="ICIC0000001"))
        made = bundle_selection(ctx, ids_of(two_suppliers))
        db.session.flush()
        db.session.execute(OWNER)
        db.session.execute(
            text("UPDATE bank_accounts SET state = 'replaced' WHERE customer_id = :id"), {"id": supplier.id}
        )
        db.session.execute(
            text(
                "INSERT INTO bank_accounts (customer_id, holder, account_number, ifsc, state, proposed_at, decided_at)"
                " SELECT customer_id, holder, '999999999', ifsc, 'active', now(), now() FROM bank_accounts"
                " WHERE customer_id = :id LIMIT 1"
            ),
            {"id": supplier.id},
        )
    assert [row.check for row in prove().mismatches] == ["bank account as it was accepted"]
    with pytest.raises(Conflict, match=f"not recorded when it was accepted: {supplier.name}"), transaction():
        approve(ctx, made.id, second_admin=False)
    db.session.expire_all()
    active = db.session.query(BankAccount).filter_by(customer_id=supplier.id, state="active").one()
    same = AccountNumber(active.holder, account_number=active.account_number, ifsc=active.ifsc)
    with transaction():
        set_account(ctx, supplier.id, same)
    with transaction():
        approve(ctx, made.id, second_admin=False)
    with pytest.raises(InvalidInput, match="is paid to this account already"), transaction():
        set_account(ctx, supplier.id, same)


def make_former_active(customer_id: int) -> None:
    """Swap the states of a supplier's last two accounts, past the application."""
    tamper(
        customer_id,
        "UPDATE bank_accounts SET state = 'replaced' WHERE customer_id = :id AND state = 'active'",
    )
    tamper(
        customer_id,
        "UPDATE bank_accounts SET state = 'active' WHERE id ="
        " (SELECT id FROM bank_accounts WHERE customer_id = :id ORDER BY id DESC OFFSET 1 LIMIT 1)",
    )


def test_a_former_account_made_the_active_one_again_is_named_and_not_paid(
    ctx: Context, two_suppliers: list[Invoice]
) -> None:
    """Not even where it was the one in use when the disbursal was approved."""
    supplier = two_suppliers[0].supplier
    former = db.session.query(BankAccount).filter_by(customer_id=supplier.id).one().account
    later = AccountNumber("New", account_number="1234567890", ifsc="ICIC0000001")
    with transaction():
        made = bundle_selection(ctx, ids_of(two_suppliers))
        approve(ctx, made.id, second_admin=False)
    with transaction():
        set_account(ctx, supplier.id, later)
    make_former_active(supplier.id)
    assert [row.check for row in prove().mismatches] == ["bank account as it was accepted"]
    refused = NOT_ACCEPTED.format(supplier.name)
    with pytest.raises(Conflict, match=refused), transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)
    with transaction():
        withdraw_approval(ctx, made.id, reason="a look at the account")
    with pytest.raises(Conflict, match=refused), transaction():
        approve(ctx, made.id, second_admin=False)
    with transaction():
        set_account(ctx, supplier.id, former)
    assert prove().holds
    with transaction():
        approve(ctx, made.id, second_admin=False)
        release(ctx, made.id, execution_date=TODAY, second_admin=False)

    def paid_to() -> list[AccountNumber]:
        with transaction():
            order = take_payment_order(ctx, made.id, debtor=account_of(0, "We"), initiator="We", kind="csv")
        return [transfer.creditor for transfer in order.transfers]

    with transaction():
        set_account(ctx, supplier.id, later)
    assert former in paid_to(), "what was released stays, whatever is accepted after it"
    make_former_active(supplier.id)
    with pytest.raises(Conflict, match=refused):
        paid_to()


def test_the_approval_is_of_the_number_itself(ctx: Context, two_suppliers: list[Invoice]) -> None:
    """Also where the event tells the new number: what was approved is what is paid."""
    supplier = two_suppliers[0].supplier
    with transaction():
        made = bundle_selection(ctx, ids_of(two_suppliers))
        approve(ctx, made.id, second_admin=False)
    tamper(supplier.id)
    with transaction():
        db.session.execute(OWNER)
        db.session.execute(text("SET LOCAL session_replication_role = replica"))
        account = db.session.query(BankAccount).filter_by(customer_id=supplier.id).one()
        db.session.execute(
            text(
                "UPDATE events SET data = jsonb_set(data, '{account_digest}', to_jsonb(CAST(:digest AS text)))"
                " WHERE kind = 'bank_account_set' AND subject_id = :id"
            ),
            {"digest": account.digest, "id": supplier.id},
        )
    with pytest.raises(Conflict, match="has changed since the approval"), transaction():
        release(ctx, made.id, execution_date=TODAY, second_admin=False)


@pytest.mark.parametrize("days", [-1, 11])
def test_the_bank_is_told_a_day_that_can_be(ctx: Context, two_suppliers: list[Invoice], days: int) -> None:
    with transaction():
        made = bundle_selection(ctx, ids_of(two_suppliers))
        approve(ctx, made.id, second_admin=False)
    with pytest.raises(InvalidInput) as refused, transaction():
        release(ctx, made.id, execution_date=TODAY + timedelta(days=days), second_admin=False)
    assert refused.value.field == "execution_date"
    assert made.status == "approved"


def test_twenty_who_press_release_make_one_release(
    app: Flask, ctx: Context, two_suppliers: list[Invoice]
) -> None:
    with transaction():
        disbursal_id = bundle_selection(ctx, ids_of(two_suppliers)).id
        approve(ctx, disbursal_id, second_admin=False)

    def press() -> bool:
        try:
            with transaction():
                release(ctx, disbursal_id, execution_date=TODAY, second_admin=False)
        except Conflict:
            return False
        return True

    assert in_threads(app, [press] * 20).count(True) == 1
    assert db.session.query(Payout).count() == 2
    assert db.session.query(Event).filter_by(subject="disbursal", kind="released").count() == 1
    assert (
        db.session.query(OutboxMessage).filter_by(template="payout/disbursal_released").count() == 0
    )  # no admins


def test_payouts_are_frozen_net_of_deductions_and_claims(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line(terms=UPFRONT)
    paid = make_invoice("disbursed", line=line, value=2_000_00)
    with transaction():
        record_credit_note(ctx, paid.id, number="CN-1", amount=1_000_00)
    claim = db.session.query(Claim).one()
    invoice = make_invoice("financeable", line=line)
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
    payout = made.payouts[0]
    interest = round(Decimal(8_000_00) * Decimal("0.18") * 90 / 365)
    assert (payout.principal, payout.deducted_interest, payout.deducted_fee) == (8_000_00, interest, 500_00)
    assert (payout.claims, claim.open_amount) == (claim.amount, 0)
    assert payout.net == 8_000_00 - interest - 500_00 - claim.amount
    # A day later at the bank: the loan begins later, what was kept back stays what it was.
    with transaction():
        confirm(replace(ctx, today=TODAY + timedelta(days=1)), made.id, bank_reference="B", value_date=TODAY)
    loan = db.session.query(Loan).filter_by(invoice_id=invoice.id).one()
    assert (loan.deducted_interest, loan.deducted_fee, loan.start_date) == (interest, 500_00, TODAY)
    assert prove().holds


def test_a_payout_that_claims_use_up_needs_no_bank(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    paid = make_invoice("disbursed", line=line, value=10_000_00)
    with transaction():
        record_credit_note(ctx, paid.id, number="CN-1", amount=9_000_00)
    invoice = make_invoice("financeable", line=line, value=1_000_00)
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
    assert (made.status, made.payouts[0].net, made.payouts[0].bank_reference) == ("confirmed", 0, NETTED)
    assert invoice.status == "disbursed"
    # The reference of netted payouts may stand any number of times.
    again = make_invoice("financeable", line=line, value=1_000_00)
    with transaction():
        assert approve_and_release(ctx, bundle_selection(ctx, [again.id]).id).status == "confirmed"


def test_the_bank_rejects_one_of_two(ctx: Context, two_suppliers: list[Invoice], mails: Callable) -> None:
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, ids_of(two_suppliers)).id)
    good, bad = made.payouts
    with transaction():
        confirm_payout(ctx, good.id, bank_reference="UTR-1", value_date=TODAY)
    assert made.status == "released"
    with transaction():
        reject_payout(ctx, bad.id, reason="AC04 closed account")
    assert made.status == "confirmed"
    assert (bad.state, bad.reason) == ("rejected", "AC04 closed account")
    first, second, third = two_suppliers
    assert (first.status, second.status, third.status) == ("disbursed", "disbursed", "financeable")
    assert db.session.query(Loan).count() == 2
    line = next(line for line in made.lines if line.invoice_id == third.id)
    assert (line.state, line.reason) == ("removed", "the bank did not pay: AC04 closed account")
    for again in (
        lambda: reject_payout(ctx, bad.id, reason="x"),
        lambda: return_payout(ctx, bad.id, reason="x"),
    ):
        with pytest.raises(Conflict), transaction():
            again()
    # It can be financed again, in a disbursal of its own.
    assert bundle_and_confirm(ctx, [third.id]).status == "confirmed"
    assert prove().holds


def test_when_the_bank_makes_none_it_is_dropped_and_claims_are_open_again(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    paid = make_invoice("disbursed", line=line)
    with transaction():
        record_credit_note(ctx, paid.id, number="CN-1", amount=3_000_00)
    claim = db.session.query(Claim).one()
    owed = claim.open_amount
    invoice = make_invoice("financeable", line=line)
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
    assert claim.open_amount == 0
    with transaction():
        reject_payout(ctx, made.payouts[0].id, reason="MS03 no reason given")
    assert (made.status, invoice.status, claim.open_amount) == ("dropped", "financeable", owed)
    assert sum(row.amount for row in db.session.query(ClaimSettlement)) == 0
    assert prove().holds


def test_money_that_came_back_undoes_its_loans_also_when_they_were_paid(
    ctx: Context, two_suppliers: list[Invoice]
) -> None:
    made = bundle_and_confirm(ctx, ids_of(two_suppliers))
    first, second = made.payouts
    with transaction():
        return_payout(ctx, first.id, reason="AC01 no such account")
    assert (made.status, first.state) == ("confirmed", "returned")
    assert [invoice.status for invoice in two_suppliers] == ["financeable", "financeable", "disbursed"]
    with transaction():
        repay_in_full(ctx, two_suppliers[2].id, bank_reference="PAY-1", value_date=TODAY)
    with transaction():
        return_payout(ctx, second.id, reason="AC01")
    db.session.refresh(two_suppliers[2])
    assert (made.status, two_suppliers[2].status) == ("reversed", "financeable")
    assert prove().holds


def test_the_last_payout_that_came_back_undoes_the_disbursal(
    ctx: Context, two_suppliers: list[Invoice]
) -> None:
    made = bundle_and_confirm(ctx, ids_of(two_suppliers))
    for payout in made.payouts:
        with transaction():
            return_payout(ctx, payout.id, reason="AC01")
    assert made.status == "reversed"
    with transaction():
        daily = bundle_daily(ctx)
    assert daily is not None
    assert prove().holds


def test_ten_thousand_invoices_are_bundled_by_a_handful_of_statements(
    ctx: Context, make_line: Callable[..., CreditLine]
) -> None:
    line = make_line(limit=10**11)
    with transaction() as session:
        session.execute(
            text(
                """
                INSERT INTO invoices (credit_line_id, supplier_id, purchaser_id, number, number_strict, number_loose,
                    amount, principal, status, source, requested_at, financeable_at, advance_rate, apr, tenor_days,
                    day_count, interest_method, fee_flat, fee_rate, grace_days, penal_rate)
                SELECT l.id, l.supplier_id, l.purchaser_id, 'N-' || n, 'n-' || n, '{}', 1000, 800, 'financeable',
                    'test', now(), now(), l.advance_rate, l.apr, l.tenor_days, l.day_count, l.interest_method,
                    l.fee_flat, l.fee_rate, l.grace_days, l.penal_rate
                FROM credit_lines l, generate_series(1, 10000) n WHERE l.id = :line
                """
            ),
            {"line": line.id},
        )
    with counting.statements() as written, transaction():
        made = bundle_daily(ctx)
        assert made is not None
        made_id = made.id
    assert len(written) <= 16, written
    counts = "SELECT (SELECT count(*) FROM disbursal_lines WHERE disbursal_id = :id AND state = 'included'),"
    counts += " (SELECT count(*) FROM events WHERE kind = 'bundled' AND subject = 'invoice'),"
    counts += " (SELECT count(*) FROM invoices WHERE status = 'bundled')"
    assert tuple(db.session.execute(text(counts), {"id": made_id}).one()) == (10_000, 10_000, 10_000)


def test_an_invoice_is_in_one_live_disbursal_by_the_database(
    ctx: Context, make_invoice: Callable[..., Invoice]
) -> None:
    invoice = make_invoice("bundled")
    other = Disbursal(
        reference="D-X", business_date=TODAY, origin="manual", status="draft", created_at=ctx.now
    )
    db.session.add(other)
    db.session.commit()
    with pytest.raises(Duplicate) as refused, transaction() as session:
        session.execute(
            text(
                "INSERT INTO disbursal_lines (disbursal_id, invoice_id, principal, state)"
                " VALUES (:d, :i, 1, 'included')"
            ),
            {"d": other.id, "i": invoice.id},
        )
    assert "uq_disbursal_lines_one_live" in str(refused.value.__cause__)


def test_what_nobody_prepared_by_hand_takes_two_people_all_the_same(
    ctx: Context, admin: Acts, two_suppliers: list[Invoice]
) -> None:
    one, other = admin(), admin()
    with transaction():
        daily = bundle_daily(ctx)
        assert daily is not None
        approve(one, daily.id, second_admin=True)
    for actor in (one, ctx):
        with pytest.raises(NotAllowed, match="another admin must release"), transaction():
            release(actor, daily.id, execution_date=TODAY, second_admin=True)
    with transaction():
        release(other, daily.id, execution_date=TODAY, second_admin=True)
    assert daily.status == "released"


def test_an_approval_ends_with_its_approver(ctx: Context, admin: Acts, two_suppliers: list[Invoice]) -> None:
    maker, approver = admin(), admin()
    with transaction():
        made = bundle_selection(maker, ids_of(two_suppliers))
        approve(approver, made.id, second_admin=True)
        deactivate_user(maker, approver.actor_id)
    with pytest.raises(Conflict, match="no admin any more"), transaction():
        release(maker, made.id, execution_date=TODAY, second_admin=True)


def test_an_account_that_one_person_approved_alone_does_not_count_where_two_are_needed(
    admin: Acts, two_suppliers: list[Invoice]
) -> None:
    maker, other = admin(), admin()
    account = AccountNumber("Somebody else", account_number="999999999", ifsc="ICIC0000001")
    with transaction():
        set_account(maker, two_suppliers[0].supplier_id, account)
        made = bundle_selection(maker, ids_of(two_suppliers))
    with pytest.raises(Conflict, match="No approved bank details"), transaction():
        approve(other, made.id, second_admin=True)


@pytest.mark.parametrize(
    ("note", "principal", "status"),
    [(2_500_00, 6_000_00, "financeable"), (10_000_00, 8_000_00, "cancelled"), (100, 7_999_20, "financeable")],
)
def test_after_a_return_no_more_is_lent_again_than_the_invoice_is_worth(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    note: int,
    principal: int,
    status: str,
) -> None:
    invoice = make_invoice("disbursed", line=make_line())
    with transaction():
        record_credit_note(ctx, invoice.id, number="CN-1", amount=note)
    payout = db.session.query(Payout).one()
    with transaction():
        return_payout(ctx, payout.id, reason="AC01")
    assert (invoice.status, invoice.principal) == (status, principal)
    assert [claim.open_amount for claim in db.session.query(Claim)] in ([], [0])
    assert prove().holds
    if status == "financeable":
        bundle_and_confirm(ctx, [invoice.id])
        assert db.session.query(Payout).order_by(Payout.id.desc()).first().net == principal
        assert prove().holds


def test_a_rejection_by_mistake_is_taken_back_with_its_claims(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    paid = make_invoice("disbursed", line=line)
    with transaction():
        record_credit_note(ctx, paid.id, number="CN-1", amount=3_000_00)
    invoice = make_invoice("financeable", line=line)
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
    payout = made.payouts[0]
    for _ in range(2):
        with transaction():
            reject_payout(ctx, payout.id, reason="AC04")
        assert (made.status, invoice.status) == ("dropped", "financeable")
        with transaction():
            reinstate_payout(ctx, payout.id, reason="wrong row")
        assert (made.status, invoice.status, payout.state) == ("released", "bundled", "instructed")
        assert db.session.query(Claim).one().open_amount == 0
        assert prove().holds
    with transaction():
        reject_payout(ctx, payout.id, reason="AC04")
        bundle_selection(ctx, [invoice.id])
    with pytest.raises(Conflict, match="has changed since it was instructed"), transaction():
        reinstate_payout(ctx, payout.id, reason="too late")


def test_a_netted_payout_cannot_come_back_and_its_words_are_no_reference(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    paid = make_invoice("disbursed", line=line)
    with transaction():
        record_credit_note(ctx, paid.id, number="CN-1", amount=9_000_00)
    invoice = make_invoice("financeable", line=line, value=1_000_00)
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, [invoice.id]).id)
    with pytest.raises(Conflict, match="No money left"), transaction():
        return_payout(ctx, made.payouts[0].id, reason="AC01")
    other = make_invoice("financeable", line=make_line())
    with transaction():
        second = approve_and_release(ctx, bundle_selection(ctx, [other.id]).id)
    with pytest.raises(InvalidInput), transaction():
        confirm(ctx, second.id, bank_reference=NETTED, value_date=TODAY)


def test_the_whole_way_of_many_takes_statements_that_do_not_grow_with_them(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    written = 0

    def note(*_: object) -> None:
        nonlocal written
        written += 1

    def way(count: int, reference: str) -> list[int]:
        """Statements of approval, release, confirmation and undoing."""
        nonlocal written
        ids = [make_invoice("financeable", line=line, value=1_000_00).id for _ in range(count)]
        with transaction():
            made_id = bundle_selection(ctx, ids).id
        counts = []
        for act in (
            lambda: approve(ctx, made_id, second_admin=False),
            lambda: release(ctx, made_id, execution_date=TODAY, second_admin=False),
            lambda: confirm(ctx, made_id, bank_reference=reference, value_date=TODAY),
            lambda: undo_disbursal(ctx, made_id, reason="came back"),
        ):
            written = 0
            with transaction():
                act()
            counts.append(written)
            db.session.expire_all()
        return counts

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        few, many = way(2, "B-1"), way(12, "B-2")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    assert few == many
