"""Setting bank details: what is refused, who is told, and what stands nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.support.bank_accounts import NEW, OLD, WHOLE
from tusker.domain.accounts import AccountNumber
from tusker.errors import Conflict, InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Customer, OutboxMessage, Proposal, Role, User
from tusker.queries.payout.bank_accounts import accounts_of, active_accounts
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.context import Context
from tusker.services.payout.bank_accounts import set_account, set_account_directly
from tusker.services.people.users import deactivate_user
from tusker.services.record.outbox_sending import compose
from tusker.transactions import transaction

pytestmark = pytest.mark.usefixtures("four_eyes")


def propose(ctx: Context, supplier: Customer, account: AccountNumber = NEW) -> int:
    with transaction():
        made = set_account(ctx, supplier.id, account)
    assert isinstance(made, Proposal)
    return made.id


def states(supplier: Customer) -> list[str]:
    return [entry.state for entry in accounts_of(supplier.id)]


def test_another_admin_accepts_and_the_former_account_is_replaced(
    maker: Context, checker: Context, supplier: Customer
) -> None:
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    proposed = propose(maker, supplier)
    assert active_accounts([supplier.id])[supplier.id].account == OLD, "nothing changes before"
    with transaction():
        accept(checker, proposed)
    assert active_accounts([supplier.id])[supplier.id].account == NEW
    assert states(supplier) == ["active", "replaced"]


@pytest.mark.usefixtures("owner")
def test_the_database_keeps_maker_and_approver_apart_too(
    maker: Context, checker: Context, supplier: Customer
) -> None:
    with transaction():
        accept(checker, propose(maker, supplier))
    with pytest.raises(IntegrityError, match="maker_is_not_approver"):
        db.session.execute(text("UPDATE bank_accounts SET decided_by = proposed_by"))
    db.session.rollback()


def test_no_change_to_the_same(maker: Context, checker: Context, supplier: Customer) -> None:
    with transaction():
        accept(checker, propose(maker, supplier))
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


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "is not de89 3704 0044 0532 0130 00"])
def test_a_refusal_has_a_reason_that_may_be_mailed(
    maker: Context, checker: Context, supplier: Customer, reason: str
) -> None:
    proposed = propose(maker, supplier)
    with pytest.raises(InvalidInput) as refused, transaction():
        refuse(checker, proposed, reason=reason)
    assert refused.value.field == "reason"


def test_only_suppliers_have_bank_details(
    maker: Context, make_purchaser: Callable[..., Customer], supplier: Customer
) -> None:
    with pytest.raises(Conflict, match="is not a supplier"):
        propose(maker, make_purchaser())
    with pytest.raises(NotFound), transaction():
        set_account(maker, 999, NEW)


def test_set_directly_is_for_the_first_account_only(ctx: Context, supplier: Customer) -> None:
    with transaction():
        set_account_directly(ctx, supplier.id, OLD)
    with pytest.raises(Conflict, match="propose a change"), transaction():
        set_account_directly(ctx, supplier.id, NEW)


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
    gone = create_user(Role.SUPPLIER, email="other@elsewhere.example", customer=supplier)
    with transaction():
        deactivate_user(checker, gone.id)
        refuse(checker, propose(maker, supplier), reason="Not theirs")
    with transaction():
        accept(checker, propose(maker, supplier, OLD))
    told = [(m.template, m.recipient) for m in mails() if m.template.startswith("payout/")]
    assert told == [
        (f"payout/bank_account_{what}", to)
        for what in ("proposed", "refused", "proposed", "approved")
        for to in ("office@asha.example", "owner@asha.example")
    ]


def test_no_whole_number_in_events_and_mails(
    maker: Context, checker: Context, supplier: Customer, create_user: Callable[..., User]
) -> None:
    create_user(Role.SUPPLIER, customer=supplier)
    with transaction():
        set_account_directly(maker, supplier.id, OLD)
    with transaction():
        refuse(checker, propose(maker, supplier), reason="Not theirs")
    with transaction():
        accept(checker, propose(maker, supplier))
    rows = db.session.execute(text("SELECT e::text FROM events e UNION ALL SELECT o::text FROM outbox o"))
    composed = [compose(maker, mail) for mail in db.session.query(OutboxMessage).order_by(OutboxMessage.id)]
    everything = "\n".join(mail.get_content() for mail in composed if mail is not None)
    assert not [number for number in WHOLE if number in everything]
    composed = [
        mail for mail in composed if mail is not None and not mail["Subject"].startswith("To approve")
    ]
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
