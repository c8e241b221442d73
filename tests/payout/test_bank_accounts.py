"""Proposing, approving and refusing bank details."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from tests.support.bank_accounts import NEW, OLD, WHOLE
from tests.support.threads import in_threads
from tusker.domain.accounts import AccountNumber
from tusker.errors import Conflict, InvalidInput, NotAllowed, NotFound, TuskerError
from tusker.extensions import db
from tusker.models import BankAccount, Customer, Event, OutboxMessage, Role, User
from tusker.queries.payout.bank_accounts import (
    accounts_of,
    active_accounts,
    open_proposals,
    proposals_waiting,
)
from tusker.services.context import Context
from tusker.services.payout.bank_accounts import (
    approve_account,
    propose_account,
    refuse_account,
    set_account_directly,
)
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction


def propose(ctx: Context, supplier: Customer, account: AccountNumber = NEW) -> int:
    with transaction():
        return propose_account(ctx, supplier.id, account).id


def states(supplier: Customer) -> list[str]:
    return [entry.state for entry in accounts_of(supplier.id)]


def test_another_admin_approves_and_the_former_account_is_replaced(
    maker: Context, checker: Context, supplier: Customer
) -> None:
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    proposed = propose(maker, supplier)
    assert active_accounts([supplier.id])[supplier.id].account == OLD, "nothing changes before the approval"
    assert [(p.id, p.proposer) for p in open_proposals()] == [(proposed, "Test admin")]
    with transaction():
        approve_account(checker, proposed, second_admin=True)
    assert active_accounts([supplier.id])[supplier.id].account == NEW
    assert states(supplier) == ["active", "replaced"]
    assert (open_proposals(), proposals_waiting().count) == ([], 0)


def test_who_proposed_may_not_approve_where_two_are_needed(maker: Context, supplier: Customer) -> None:
    proposed = propose(maker, supplier)
    with pytest.raises(NotAllowed, match="another admin must approve"), transaction():
        approve_account(maker, proposed, second_admin=True)
    assert states(supplier) == ["proposed"]
    with transaction():
        approve_account(maker, proposed, second_admin=False)
    assert states(supplier) == ["active"]


def test_two_people_must_be_known_where_two_are_needed(
    ctx: Context, maker: Context, supplier: Customer
) -> None:
    proposed = propose(maker, supplier)
    with pytest.raises(NotAllowed, match="by an admin with a name"), transaction():
        approve_account(ctx, proposed, second_admin=True)
    with transaction():
        refuse_account(ctx, proposed, reason="Tried without a name")
    nameless = propose(ctx, supplier)
    with pytest.raises(NotAllowed, match="Nobody is named"), transaction():
        approve_account(maker, nameless, second_admin=True)


def test_the_database_keeps_maker_and_approver_apart_too(maker: Context, supplier: Customer) -> None:
    proposed = propose(maker, supplier)
    by_hand = text(
        "UPDATE bank_accounts SET state = 'active', second_admin = true, decided_at = now(), decided_by = proposed_by"
        " WHERE id = :id"
    )
    with pytest.raises(IntegrityError, match="maker_is_not_approver"):
        db.session.execute(by_hand, {"id": proposed})
    db.session.rollback()


def test_one_proposal_at_a_time_and_no_change_to_the_same(
    maker: Context, checker: Context, supplier: Customer
) -> None:
    proposed = propose(maker, supplier)
    with pytest.raises(Conflict, match="wait for a decision already"):
        propose(checker, supplier, OLD)
    with transaction():
        approve_account(checker, proposed, second_admin=True)
    with pytest.raises(InvalidInput) as same:
        propose(maker, supplier, NEW)
    assert same.value.field == "iban"
    assert propose(maker, supplier, replace(NEW, holder="Asha Textiles Limited")), (
        "another holder is a change"
    )


def test_a_holder_whom_no_bank_file_can_name_is_refused_at_once(maker: Context, supplier: Customer) -> None:
    """Else the bank file of a whole released disbursal could not be written."""
    with pytest.raises(InvalidInput) as refused:
        propose(maker, supplier, replace(NEW, holder="Ƹ Ƹ"))
    assert refused.value.field == "holder"


def test_refused_is_final_and_leaves_the_account_as_it_was(
    maker: Context, checker: Context, supplier: Customer
) -> None:
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    proposed = propose(maker, supplier)
    with transaction():
        refuse_account(checker, proposed, reason="The supplier knows nothing of it")
    for late in (
        lambda: approve_account(checker, proposed, second_admin=True),
        lambda: refuse_account(maker, proposed, reason="Again"),
    ):
        with pytest.raises(Conflict, match="were refused in the meantime"), transaction():
            late()
    assert states(supplier) == ["refused", "active"]
    assert accounts_of(supplier.id)[0].reason == "The supplier knows nothing of it"


def test_who_proposed_may_withdraw(maker: Context, supplier: Customer) -> None:
    proposed = propose(maker, supplier)
    with transaction():
        refuse_account(maker, proposed, reason="A digit was wrong")
    kinds = db.session.scalars(select(Event.kind).where(Event.subject == "customer").order_by(Event.id)).all()
    assert kinds[-2:] == ["bank_account_proposed", "bank_account_withdrawn"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "is not de89 3704 0044 0532 0130 00"])
def test_a_refusal_has_a_reason_that_may_be_mailed(maker: Context, supplier: Customer, reason: str) -> None:
    proposed = propose(maker, supplier)
    with pytest.raises(InvalidInput) as refused, transaction():
        refuse_account(maker, proposed, reason=reason)
    assert refused.value.field == "reason"


def test_only_suppliers_have_bank_details(
    maker: Context, make_purchaser: Callable[..., Customer], supplier: Customer
) -> None:
    with pytest.raises(Conflict, match="is not a supplier"):
        propose(maker, make_purchaser())
    for unknown in (
        lambda: propose_account(maker, 999, NEW),
        lambda: approve_account(maker, 999, second_admin=False),
        lambda: refuse_account(maker, 999, reason="None"),
    ):
        with pytest.raises(NotFound), transaction():
            unknown()


def test_set_directly_is_for_the_first_account_only(ctx: Context, maker: Context, supplier: Customer) -> None:
    with transaction():
        set_account_directly(ctx, supplier.id, OLD)
    with pytest.raises(Conflict, match="propose a change"), transaction():
        set_account_directly(ctx, supplier.id, NEW)


def test_twenty_approvals_at_once_make_one(
    app: Flask, maker: Context, checker: Context, supplier: Customer
) -> None:
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    proposed = propose(maker, supplier)

    def approve() -> str:
        try:
            with transaction():
                approve_account(checker, proposed, second_admin=True)
        except TuskerError as error:
            return error.code
        return "approved"

    assert sorted(in_threads(app, [approve] * 20)) == ["approved"] + ["conflict"] * 19
    assert db.session.query(Event).filter_by(kind="bank_account_approved").count() == 1


def test_proposals_approvals_and_refusals_at_once_leave_one_truth(
    app: Flask, maker: Context, checker: Context, supplier: Customer
) -> None:
    proposed, supplier_id = propose(maker, supplier), supplier.id

    def attempt(number: int) -> None:
        try:
            with transaction():
                if number % 3 == 0:
                    approve_account(checker, proposed, second_admin=True)
                elif number % 3 == 1:
                    refuse_account(checker, proposed, reason="No")
                else:
                    propose_account(maker, supplier_id, OLD)
        except TuskerError:
            return

    in_threads(app, [lambda n=n: attempt(n) for n in range(24)])
    first = db.session.get_one(BankAccount, proposed, populate_existing=True)
    assert first.state in {"active", "refused"}
    decided = db.session.query(Event).filter(
        Event.kind.in_(["bank_account_approved", "bank_account_refused", "bank_account_withdrawn"])
    )
    assert decided.count() == 1
    assert states(supplier).count("proposed") <= 1


def test_the_supplier_and_the_companys_own_address_hear_of_everything(
    maker: Context,
    checker: Context,
    supplier: Customer,
    create_user: Callable[..., User],
    mails: Callable[[], list[OutboxMessage]],
) -> None:
    with transaction():
        db.session.get_one(Customer, supplier.id).email = "office@asha.example"
    create_user(Role.SUPPLIER, customer=supplier, email="owner@asha.example")
    create_user(Role.SUPPLIER, email="other@elsewhere.example", customer=supplier).active = False
    db.session.commit()
    with transaction():
        refuse_account(checker, propose(maker, supplier), reason="Not theirs")
    with transaction():
        approve_account(checker, propose(maker, supplier, OLD), second_admin=True)
    told = [(mail.template, mail.recipient) for mail in mails()]
    assert told == [
        (f"payout/bank_account_{what}", to)
        for what in ("proposed", "refused", "proposed", "approved")
        for to in ("office@asha.example", "owner@asha.example")
    ]


def test_no_whole_number_in_events_and_mails(
    app: Flask, maker: Context, checker: Context, supplier: Customer, create_user: Callable[..., User]
) -> None:
    create_user(Role.SUPPLIER, customer=supplier)
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    with transaction():
        refuse_account(checker, propose(maker, supplier), reason="Not theirs")
    with transaction():
        approve_account(checker, propose(maker, supplier), second_admin=True)
    rows = db.session.execute(text("SELECT e::text FROM events e UNION ALL SELECT o::text FROM outbox o"))
    composed = [compose(maker, mail) for mail in db.session.query(OutboxMessage).order_by(OutboxMessage.id)]
    letters = [f"{mail['Subject']}\n{mail.get_content()}" for mail in composed if mail is not None]
    assert len(letters) == 4
    written = "\n".join([*rows.scalars(), *letters])
    assert not [number for number in WHOLE if number in written]
    assert written.count("•••• 3000") >= 4
    proposed, refused, _, approved = letters
    assert all("If you did not ask for this" in letter for letter in letters)
    assert "Until now •••• 5678" in " ".join(proposed.split())
    assert "Not theirs" in refused
    assert "is now paid to account •••• 3000" in approved
