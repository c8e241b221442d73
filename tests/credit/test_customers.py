"""Companies and credit lines: limits, the programme limit, terms and ids, each change with its event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from tests.support.threads import in_threads
from tests.support.values import TERMS
from tusker.errors import Conflict, Duplicate, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.models import CreditLine, Customer, Event, Invoice, Role, SupplierAccount, User
from tusker.services.context import Context
from tusker.services.credit.customers.companies import (
    CustomerData,
    create_customer,
    edit_customer,
)
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.lines import LineData, change_credit_line, open_credit_line
from tusker.transactions import transaction

PROGRAMME = 1_000_000


def create(ctx: Context, **data: Any) -> Customer:
    with transaction():
        return create_customer(ctx, CustomerData(**data), programme_limit=PROGRAMME)


def events(subject: str, subject_id: int) -> list[tuple[str, str | None, str | None]]:
    rows = db.session.query(Event).filter_by(subject=subject, subject_id=subject_id).order_by(Event.id)
    return [(row.kind, row.from_value, row.to_value) for row in rows]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"reference": "x" * 61}, "reference"),
        ({"supplier_limit": -1}, "supplier_limit"),
        ({"purchaser_limit": -1}, "purchaser_limit"),
        ({"supplier_limit": None, "purchaser_limit": None}, "supplier_limit"),
        ({"supplier_limit": PROGRAMME + 1}, "supplier_limit"),
        ({"terms": None}, "advance_rate"),
    ],
)
def test_a_company_that_cannot_be_names_the_field_and_is_not_made(
    app: Flask, ctx: Context, data: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(ctx, **{"name": "Good", "supplier_limit": 1, "terms": TERMS, **data})
    assert refused.value.field == field
    assert db.session.query(Customer).count() == 0
    assert db.session.query(Event).count() == 0


def test_names_and_references_are_unique_whatever_their_case(app: Flask, ctx: Context) -> None:
    create(ctx, name="Asha Textiles", reference="A-1", purchaser_limit=0)
    for data, field in (
        ({"name": "ASHA  textiles"}, "name"),
        ({"name": "B", "reference": "A-1"}, "reference"),
    ):
        with pytest.raises(Duplicate) as refused:
            create(ctx, purchaser_limit=0, **data)
        assert refused.value.field == field


def test_admins_hear_of_a_new_supplier(
    ctx: Context, create_user: Callable[..., User], mails: Callable[[], list[Any]]
) -> None:
    admin = create_user(Role.ADMIN)
    create_user(Role.AUDITOR)
    create(ctx, name="Buyer only", purchaser_limit=5)
    create(ctx, name="New supplier", supplier_limit=5, terms=TERMS)
    assert [(mail.template, mail.recipient) for mail in mails()] == [("credit/new_supplier", admin.email)]


def test_sixteen_suppliers_at_once_stay_within_the_programme_limit(app: Flask, ctx: Context) -> None:
    def make(number: int) -> bool:
        try:
            create(ctx, name=f"S{number}", supplier_limit=300_000, terms=TERMS)
        except InvalidInput:
            return False
        return True

    assert in_threads(app, [lambda n=n: make(n) for n in range(16)]).count(True) == 3
    assert db.session.query(SupplierAccount).count() == 3


def test_a_supplier_limit_may_always_be_lowered(ctx: Context, app: Flask) -> None:
    customer = create(ctx, name="S", supplier_limit=900_000, terms=TERMS)
    with transaction():
        # The programme was cut below what is granted.
        edit_customer(ctx, customer.id, CustomerData("S", supplier_limit=800_000), programme_limit=500_000)
    with pytest.raises(InvalidInput), transaction():
        edit_customer(ctx, customer.id, CustomerData("S", supplier_limit=800_001), programme_limit=500_000)
    assert events("customer", customer.id)[-1] == ("supplier_limit_changed", "₹9,000.00", "₹8,000.00")


def test_a_side_with_lines_cannot_be_taken_away(ctx: Context, make_line: Callable[..., CreditLine]) -> None:
    line = make_line()
    with pytest.raises(Conflict, match="credit lines as supplier"), transaction():
        edit_customer(
            ctx, line.supplier_id, CustomerData("Renamed", purchaser_limit=5), programme_limit=PROGRAMME
        )
    with transaction():
        edit_customer(
            ctx,
            line.supplier_id,
            CustomerData("Renamed", supplier_limit=7, purchaser_limit=5),
            programme_limit=PROGRAMME,
        )
    both = db.session.get_one(Customer, line.supplier_id)
    assert (both.supplier.limit_amount, both.purchaser.limit_amount) == (7, 5)


def test_changed_defaults_reach_lines_only_when_told_and_never_invoices(
    ctx: Context, make_line: Callable[..., CreditLine], make_invoice: Callable[..., Invoice]
) -> None:
    line = make_line()
    invoice = make_invoice(line=line)
    name, limit = line.supplier.customer.name, line.supplier.limit_amount

    def save(apr: str, *, cascade: bool) -> int:
        data = CustomerData(name, supplier_limit=limit, terms=replace(TERMS, apr=Decimal(apr)))
        with transaction():
            return edit_customer(ctx, line.supplier_id, data, programme_limit=10**12, cascade=cascade)

    assert save("0.24", cascade=False) == 0
    assert line.apr == Decimal("0.18")
    assert save("0.24", cascade=True) == 1
    assert (line.apr, line.terms_version, invoice.apr) == (Decimal("0.24"), 2, Decimal("0.18"))
    changed = db.session.query(Event).filter_by(subject="credit_line", kind="terms_changed").one()
    assert changed.data["changed"] == {"apr": ["0.180000", "0.24"]}


def test_an_id_at_a_delivery_company_belongs_to_one_customer(
    ctx: Context, make_supplier: Callable[..., Customer], make_purchaser: Callable[..., Customer]
) -> None:
    seller, buyer = make_supplier(), make_purchaser()
    with transaction():
        set_carrier_identities(
            ctx, buyer.id, [IdentityData("tusker", "purchaser", x, "Pune") for x in ("L1", "L2", " L1 ", "")]
        )
    assert sorted(i.external_id for i in buyer.carrier_identities) == ["L1", "L2"]
    other = make_purchaser()
    with pytest.raises(Duplicate, match=buyer.name), transaction():
        set_carrier_identities(ctx, other.id, [IdentityData("tusker", "purchaser", "L2")])
    with pytest.raises(InvalidInput, match="one id at each"), transaction():
        set_carrier_identities(
            ctx, seller.id, [IdentityData("tusker", "supplier", "A"), IdentityData("tusker", "supplier", "B")]
        )
    assert [i.external_id for i in seller.carrier_identities] == [f"C{seller.id}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"limit": -1}, "limit"), ({"valid_to": date(2025, 12, 31)}, "valid_to")],
)
def test_a_line_that_cannot_be_names_the_field(
    ctx: Context,
    make_supplier: Callable[..., Customer],
    make_purchaser: Callable[..., Customer],
    change: dict[str, Any],
    field: str,
) -> None:
    seller, buyer = make_supplier(), make_purchaser()
    data = replace(LineData(5, TERMS, date(2026, 1, 1)), **change)
    with pytest.raises(InvalidInput) as refused, transaction():
        open_credit_line(ctx, seller.id, buyer.id, data)
    assert refused.value.field == field
    for wrong, named in (((buyer.id, buyer.id), "purchaser_id"), ((buyer.id, seller.id), "supplier_id")):
        with pytest.raises(TuskerError) as refused_too, transaction():
            open_credit_line(ctx, *wrong, LineData(5, TERMS, date(2026, 1, 1)))
        assert refused_too.value.field == named
    assert db.session.query(CreditLine).count() == 0


def test_two_companies_have_one_line(ctx: Context, make_line: Callable[..., CreditLine]) -> None:
    line = make_line()
    with pytest.raises(Duplicate), transaction():
        open_credit_line(ctx, line.supplier_id, line.purchaser_id, LineData(5, TERMS, date(2026, 1, 1)))


def test_each_change_of_a_line_is_an_event(ctx: Context, make_line: Callable[..., CreditLine]) -> None:
    line = make_line(limit=10_00)
    with transaction():
        change_credit_line(
            ctx, line.id, LineData(20_00, replace(TERMS, tenor_days=60), line.valid_from, date(2026, 12, 31))
        )
    assert events("credit_line", line.id) == [
        ("opened", None, "₹10.00"),
        ("limit_changed", "₹10.00", "₹20.00"),
        ("dates_changed", "2026-01-01 – open", "2026-01-01 – 2026-12-31"),
        ("terms_changed", None, None),
    ]


def test_the_same_id_saved_by_two_at_the_same_moment_is_one_and_a_clear_message(
    app: Flask, ctx: Context, make_purchaser: Callable[..., Customer]
) -> None:
    buyers = [make_purchaser().id for _ in range(6)]

    def save(customer_id: int) -> bool:
        try:
            with transaction():
                set_carrier_identities(ctx, customer_id, [IdentityData("tusker", "purchaser", "SHARED")])
        except Duplicate:
            return False
        return True

    assert in_threads(app, [lambda b=b: save(b) for b in buyers]).count(True) == 1
