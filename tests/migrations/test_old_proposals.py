"""What waited for another admin before there were proposals waits on *To approve* after the upgrade, and is accepted
there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from tests.support.pages import words
from tests.support.schema import Schema
from tests.support.values import PASSWORD, TODAY
from tusker.extensions import db
from tusker.models import BankAccount, Invoice, Loan, Proposal, User
from tusker.queries.record.proof import prove
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.transactions import transaction

LATER = TODAY + timedelta(days=120)


def test_bank_details_and_relief_of_before_are_accepted_after_the_upgrade(
    schema: Schema,
    ctx: Context,
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
    stopped_clock: None,
) -> None:
    schema.upgrade()
    with schema.app.app_context():
        maker, checker = create_user(name="Mala").id, create_user(name="Chand", email="chand@example.com").id
        supplier = make_invoice("disbursed").supplier_id
        with transaction():
            loan = db.session.query(Loan).one()
            loan.fee = 50_00
        loan_id, due = loan.id, loan.due_date
    schema.downgrade("0041")
    account = f"{supplier}, 'Asha Traders', '99887766554433', 'HDFC0009999', true, '{ctx.now}', {maker}"
    relief = f"{loan_id}, true, '{ctx.now}', {maker}, 0, 0"
    schema.run(
        "INSERT INTO bank_accounts (customer_id, holder, account_number, ifsc, second_admin, proposed_at, proposed_by,"
        f" state, decided_at, decided_by, reason) VALUES ({account}, 'proposed', NULL, NULL, ''),"
        f" ({account}, 'refused', '{ctx.now}', {checker}, 'not theirs')",
        "INSERT INTO reliefs (loan_id, second_admin, proposed_at, proposed_by, penalty, interest, kind, fee,"
        " value_date, due_before, due_date, with_interest, gives_up, reason, state, decided_at, decided_by,"
        " decision_reason) VALUES"
        f" ({relief}, 'waiver', 1000, '{TODAY}', NULL, NULL, false, 1000, 'floods', 'proposed', NULL, NULL, ''),"
        f" ({relief}, 'extension', 0, NULL, '{due}', '{LATER}', true, 0, 'late ship', 'proposed', NULL, NULL, ''),"
        f" ({relief}, 'waiver', 5000, '{TODAY}', NULL, NULL, false, 5000, 'x', 'refused', '{ctx.now}', {checker}, 'n')",
    )
    schema.upgrade()
    with schema.app.app_context():
        schema.app.config["REQUIRE_SECOND_ADMIN"] = True
        browser = schema.app.test_client()
        browser.post("/login", data={"email": "chand@example.com", "password": PASSWORD})
        page = words(browser.get("/admin/approvals").text).lower()
        for told in (
            "bank account set",
            "holder",
            "asha traders",
            "waived",
            "floods",
            "due date moved",
            "late ship",
        ):
            assert told in page, page
        decided = words(browser.get("/admin/approvals?state=decided").text)
        assert "not theirs" in decided
        waiting = {row.kind: row for row in db.session.query(Proposal).filter_by(state="open")}
        assert {row.proposed_by for row in waiting.values()} == {maker}
        for kind in ("use_account", "waive", "extend"):
            with transaction():
                accept(replace(ctx, actor_id=checker, actor="Chand"), waiting[kind].id)
        [active] = db.session.query(BankAccount).filter_by(state="active")
        assert (active.account_number, active.second_admin) == ("99887766554433", True)
        assert (active.proposed_by, active.decided_by) == (maker, checker)
        loan = db.session.query(Loan).populate_existing().one()
        assert loan.due_date == LATER
        assert [(row.fee, row.kind) for row in loan.adjustments] == [(10_00, "waiver")]
        assert prove().holds
    # what such numbers look like is found anew later on
    schema.run(
        "UPDATE invoices SET number = 'SB|G-1', number_strict = 'sb|g-1', number_loose = '{58g1}' WHERE id = 1"
    )
    schema.downgrade("0087")
    schema.upgrade()
    assert schema.rows("SELECT number_loose FROM invoices") == [(["58161", "5861"],)]
