"""Lifting a hold and lengthening the days of a limit need another admin; putting on hold and shortening do not."""

from __future__ import annotations

from datetime import date

from tests.support.bank_accounts import Run
from tusker.domain.credit.limits import Validity
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Proposal
from tusker.services.approvals.deciding import accept
from tusker.services.context import Context
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity
from tusker.transactions import transaction


def held(customer_id: int) -> bool:
    db.session.expire_all()
    return db.session.get_one(Customer, customer_id).held_since is not None


def test_a_hold_is_put_by_one_and_lifted_by_two(
    maker: Context, checker: Context, line: CreditLine, run: Run
) -> None:
    company = line.purchaser_id
    with transaction():
        hold_customer(maker, company, reason="fraud")
    assert held(company)
    with transaction():
        made = lift_hold(maker, company, reason="cleared")
    assert isinstance(made, Proposal)
    assert held(company)
    assert (
        run("lift-hold", line.purchaser.customer.name, "--reason", "x", "--as", "maker@example.com")[0] == 1
    )
    with transaction():
        accept(checker, made.id)
    assert not held(company)


def test_days_are_shortened_by_one_and_lengthened_by_two(
    maker: Context, checker: Context, line: CreditLine
) -> None:
    short, long = Validity(None, date(2026, 12, 31)), Validity(None, date(2027, 12, 31))
    with transaction():
        assert not isinstance(set_validity(maker, line.supplier_id, "supplier", short), Proposal)
    with transaction():
        made = set_validity(maker, line.supplier_id, "supplier", long)
    assert isinstance(made, Proposal)
    db.session.expire_all()
    assert line.supplier.validity == short
    with transaction():
        accept(checker, made.id)
    assert line.supplier.validity == long
