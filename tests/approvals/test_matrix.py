"""Whatever gives more or moves money: one admin alone changes nothing, by service, page or command.

The proof is a digest of every table but those of proposals, events and mails, before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import current_app
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.support.bank_accounts import NEW, Run, typed
from tests.support.database import OWNER
from tests.support.funding import FundingDesk, proof_of, shipment_of
from tests.support.pages import button_values
from tests.support.people import make_user
from tests.support.tokens import token_made
from tests.support.values import PROGRAMME_LIMIT, TERMS
from tusker.carriers.registry import settings_from_config
from tusker.domain.credit.limits import Validity
from tusker.domain.credit.risk import RuleKind
from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.numbers import loose_forms, strict_form
from tusker.errors import NotAllowed
from tusker.extensions import db
from tusker.models import AttentionItem, LineStatus, Loan, Proposal, Role, User
from tusker.services.approvals.actions import ACTIONS
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.context import Context
from tusker.services.couriers.settings import (
    CarrierInput,
    forget_carrier_settings,
    save_carrier_settings,
    sealed,
)
from tusker.services.credit.customers.companies import CustomerData, create_customer, edit_customer
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity
from tusker.services.credit.customers.identities import set_cities
from tusker.services.credit.customers.lines import (
    LineData,
    change_credit_line,
    open_credit_line,
    set_line_status,
)
from tusker.services.credit.risk.rules import RuleData, add_rule, change_rule, end_rule, set_group
from tusker.services.delivery.tracking import report_delivery
from tusker.services.loans.receipts.recording import record_receipt, refund_credit
from tusker.services.loans.relief.granting import configured_limits, extend, waive
from tusker.services.loans.write_off import write_off
from tusker.services.payout.bank_accounts import set_account
from tusker.services.payout.funding.control import accept_delivery, accept_value, accept_way, tell_apart
from tusker.services.payout.funding.correction import correct_value
from tusker.services.payout.funding.purchaser_answers import dispute_delivery, overrule_dispute
from tusker.services.payout.funding.verification import mark_invalid, mark_valid
from tusker.services.payout.held import release_hold
from tusker.services.people.tokens import create_token, take_over_token
from tusker.services.people.users import create_user, deactivate_user, random_password, reactivate_user
from tusker.transactions import transaction

WHY = "seen and agreed"
PASSWORD_OPTION = ("--password", "long enough for all")


@dataclass
class Doors:
    """How one admin would do something: by the service, on a page, by a command."""

    service: Callable[[Context], object]
    page: tuple[str, dict[str, Any]] | None = None
    command: list[str] = field(default_factory=list)
    look: str = ""
    """The page that shows what is decided on, where the form carries that along."""


@dataclass
class Desk:
    """Makes what an action needs."""

    funding: FundingDesk
    create_user: Callable[..., User]
    run: Run

    @property
    def ctx(self) -> Context:
        return self.funding.ctx

    @property
    def names(self) -> tuple[str, str]:
        line = self.funding.line
        return line.supplier.customer.name, line.purchaser.customer.name

    def line_data(self, **changes: Any) -> LineData:
        line = self.funding.line
        return replace(LineData(line.limit_amount, line.terms, line.valid_from, line.valid_to), **changes)

    def customer_data(self, **changes: Any) -> CustomerData:
        account = self.funding.line.supplier
        data = CustomerData(account.customer.name, "old@example.com", None, account.limit_amount, terms=TERMS)
        return replace(data, **changes)

    def attention(self, kind: str, action: str) -> tuple[str, dict[str, str]]:
        self.funding.watch()
        item = db.session.query(AttentionItem).filter_by(kind=kind).one()
        return f"/admin/attention/{item.id}", {"action": action, "reason": WHY}


def line_form(desk: Desk, **changes: Any) -> dict[str, Any]:
    terms = {**{name: value for name, value in TERMS.as_dict().items() if value is not None}}
    for name in ("advance_rate", "apr", "penal_rate", "fee_rate"):
        terms[name] = str(terms[name] * 100)
    for name in ("fee_flat", "fee_min"):
        terms[name] = str(Decimal(terms[name]) / 100)
    return {"limit": "100000", "valid_from": "2026-01-01", **{k: str(v) for k, v in terms.items()}, **changes}


def new_company(desk: Desk) -> Doors:
    data = CustomerData("Newcomer", purchaser_limit=5_000_00)
    form = {
        **line_form(desk),
        "name": "Newcomer",
        "is_purchaser": "y",
        "purchaser_limit": "5000",
        "save": "1",
    }
    return Doors(
        lambda ctx: create_customer(ctx, data, programme_limit=PROGRAMME_LIMIT),
        ("/customers/new", form),
        ["create-customer", "Newcomer", "--purchaser-limit", "5000"],
    )


def change_of_company(
    data: dict[str, Any], form: dict[str, Any], command: list[str]
) -> Callable[[Desk], Doors]:
    def doors(desk: Desk) -> Doors:
        supplier_id, name = desk.funding.line.supplier_id, desk.names[0]
        with transaction():
            edit_customer(desk.ctx, supplier_id, desk.customer_data(), programme_limit=PROGRAMME_LIMIT)
        full = {
            **line_form(desk),
            "name": name,
            "email": "old@example.com",
            "is_supplier": "y",
            "supplier_limit": "100000",
            "save": "1",
            **form,
        }
        return Doors(
            lambda ctx: edit_customer(
                ctx, supplier_id, desk.customer_data(**data), programme_limit=PROGRAMME_LIMIT
            ),
            (f"/customers/{supplier_id}/edit", full),
            [command[0], name, *command[1:]] if command else [],
        )

    return doors


def new_line(desk: Desk) -> Doors:
    with transaction():
        buyer = create_customer(
            desk.ctx, CustomerData("Buyer", purchaser_limit=9_00), programme_limit=PROGRAMME_LIMIT
        )
    seller_id, buyer_id = desk.funding.line.supplier_id, buyer.id
    form = {**line_form(desk), "supplier_id": seller_id, "purchaser_id": buyer_id}
    return Doors(
        lambda ctx: open_credit_line(ctx, seller_id, buyer_id, LineData(5_00, TERMS, date(2026, 1, 1))),
        ("/customers/lines/new", form),
        ["create-line", desk.names[0], "Buyer", "--limit", "5"],
    )


def change_of_line(data: dict[str, Any], form: dict[str, Any], command: list[str]) -> Callable[[Desk], Doors]:
    def doors(desk: Desk) -> Doors:
        line_id, (seller, buyer) = desk.funding.line.id, desk.names
        with transaction():
            change_credit_line(desk.ctx, line_id, desk.line_data(valid_to=date(2026, 12, 31)))
        full = {**line_form(desk), "valid_to": "2026-12-31", **form}
        return Doors(
            lambda ctx: change_credit_line(ctx, line_id, desk.line_data(**data)),
            (f"/customers/lines/{line_id}/edit", full),
            [word.format(seller=seller, buyer=buyer) for word in command],
        )

    return doors


def line_again(desk: Desk) -> Doors:
    line_id = desk.funding.line.id
    with transaction():
        set_line_status(desk.ctx, line_id, LineStatus.SUSPENDED, reason=WHY)
    return Doors(
        lambda ctx: set_line_status(ctx, line_id, LineStatus.ACTIVE, reason=WHY),
        (f"/customers/lines/{line_id}/status", {"status": "active", "reason": WHY}),
    )


def new_user(role: Role) -> Callable[[Desk], Doors]:
    def doors(desk: Desk) -> Doors:
        company = desk.funding.line.supplier_id if role is Role.SUPPLIER else None
        data = {"email": "new@example.com", "name": "Nila", "role": role.value}
        more = ["--company", desk.names[0]] if company else []
        return Doors(
            lambda ctx: create_user(ctx, **data, customer_id=company, password=random_password()),
            ("/admin/users/new", {**data, "customer_id": company or ""}),
            [
                "create-user",
                "new@example.com",
                "--name",
                "Nila",
                "--role",
                role.value,
                *more,
                *PASSWORD_OPTION,
            ],
        )

    return doors


def user_again(desk: Desk) -> Doors:
    user = desk.create_user(Role.SUPPLIER, customer=desk.funding.line.supplier.customer)
    with transaction():
        deactivate_user(desk.ctx, user.id)
    user_id = user.id
    return Doors(lambda ctx: reactivate_user(ctx, user_id), (f"/admin/users/{user_id}/reactivate", {}))


def new_token(desk: Desk) -> Doors:
    supplier_id = desk.funding.line.supplier_id
    return Doors(
        lambda ctx: create_token(ctx, supplier_id, "ERP"),
        (f"/customers/{supplier_id}/tokens", {"name": "ERP", "scope": "request", "days": "365"}),
    )


def token_taken_over(desk: Desk) -> Doors:
    """Its maker left."""
    supplier_id = desk.funding.line.supplier_id
    maker = make_user(desk.ctx, "left@example.com", Role.AUDITOR)
    with transaction():
        token, _ = token_made(desk.ctx, supplier_id)
        token.created_by = maker.id
        deactivate_user(desk.ctx, maker.id)
    token_id = token.id
    return Doors(
        lambda ctx: take_over_token(ctx, token_id, customer_id=supplier_id),
        (f"/customers/{supplier_id}/tokens/{token_id}/take-over", {}),
    )


def debt_written_off(desk: Desk) -> Doors:
    invoice = desk.funding.bring_to("disbursed")
    invoice_id = invoice.id
    return Doors(
        lambda ctx: write_off(ctx, invoice_id, reason=WHY),
        (f"/admin/loans/{invoice_id}/write-off", {f"reason-{invoice_id}": WHY, "reason": WHY}),
        ["write-off", f"#{invoice_id}", "--reason", WHY],
    )


def charges_waived(desk: Desk) -> Doors:
    invoice_id = desk.funding.bring_to("disbursed").id
    with transaction():
        db.session.execute(OWNER)
        db.session.query(Loan).one().fee = 50_00
    given: dict[str, Any] = {"fee": 1_00, "value_date": desk.ctx.today, "reason": WHY}
    return Doors(
        lambda ctx: waive(ctx, invoice_id, **given, limits=configured_limits()),
        (f"/admin/loans/{invoice_id}/waive", {"fee": "1", "value_date": str(desk.ctx.today), "reason": WHY}),
        ["waive", f"#{invoice_id}", "--fee", "1", "--reason", WHY],
    )


def due_date_moved(desk: Desk) -> Doors:
    invoice_id = desk.funding.bring_to("disbursed").id
    later = desk.ctx.today + timedelta(days=120)
    return Doors(
        lambda ctx: extend(
            ctx, invoice_id, due_date=later, with_interest=False, reason=WHY, limits=configured_limits()
        ),
        (f"/admin/loans/{invoice_id}/extend", {"due_date": str(later), "interest": "without", "reason": WHY}),
        ["extend", f"#{invoice_id}", "--due-date", str(later), "--without-interest", "--reason", WHY],
    )


def credit_paid_back(desk: Desk) -> Doors:
    with transaction():
        receipt_id = record_receipt(
            desk.ctx,
            desk.funding.line.purchaser_id,
            amount=9_00,
            bank_reference="R-9",
            value_date=desk.ctx.today,
        ).id
    value = desk.ctx.today
    return Doors(
        lambda ctx: refund_credit(ctx, receipt_id, amount=9_00, bank_reference="RF-9", value_date=value),
        (
            f"/admin/receipts/{receipt_id}/refund",
            {"amount": "9", "bank_reference": "RF-9", "value_date": value.isoformat()},
        ),
        ["refund", "R-9", "--reference", "RF-9"],
    )


def delivery_by_hand(desk: Desk) -> Doors:
    invoice = desk.funding.ask()
    with transaction():
        shipment_of(invoice).carrier = "manual"
    invoice_id = invoice.id
    return Doors(
        lambda ctx: report_delivery(ctx, invoice_id, reason=WHY),
        (f"/invoices/{invoice_id}/delivered", {"reason": WHY}),
        ["report-delivery", f"#{invoice_id}", "--reason", WHY],
        look=f"/invoices/{invoice_id}",
    )


def dispute_overruled(desk: Desk) -> Doors:
    invoice = desk.funding.bring_to("financeable")
    desk.funding.want(confirmation=True)
    buyer = desk.create_user(Role.PURCHASER, customer=invoice.purchaser)
    with transaction():
        dispute_delivery(
            replace(desk.ctx, actor_id=buyer.id),
            invoice.purchaser_id,
            invoice.id,
            amount=None,
            grounds="goods_not_received",
            reason="nothing came",
        )
    invoice_id = invoice.id
    return Doors(
        lambda ctx: overrule_dispute(ctx, invoice_id, reason=WHY),
        (f"/invoices/{invoice_id}/overrule", {"reason": WHY}),
        look=f"/invoices/{invoice_id}",
    )


def dispute_overruled_in_attention(desk: Desk) -> Doors:
    return replace(
        dispute_overruled(desk), page=desk.attention("disputed", "overrule"), look="/admin/attention"
    )


def value_accepted(desk: Desk) -> Doors:
    invoice = desk.funding.bring_to("financeable")
    desk.funding.say(invoice, ShipmentStatus.DELIVERED, value=5_000_00)
    invoice_id = invoice.id
    return Doors(
        lambda ctx: accept_value(ctx, invoice_id, reason=WHY),
        (f"/invoices/{invoice_id}/accept-value", {"reason": WHY}),
        look=f"/invoices/{invoice_id}",
    )


def early_delivery_accepted(desk: Desk) -> Doors:
    invoice = desk.funding.ask()
    with transaction():
        invoice.invoice_date = desk.ctx.today + timedelta(days=60)
    desk.funding.deliver(invoice)
    invoice_id = invoice.id
    return Doors(
        lambda ctx: accept_delivery(ctx, invoice_id, reason=WHY),
        desk.attention("delivered_before", "accept_delivery"),
        ["accept-delivery", f"#{invoice_id}", "--reason", WHY],
        look="/admin/attention",
    )


def other_cities_accepted(desk: Desk) -> Doors:
    with transaction():
        set_cities(desk.ctx, desk.funding.line.purchaser_id, "Mumbai")
    invoice = desk.funding.ask()
    desk.funding.say(invoice, ShipmentStatus.DELIVERED, to_city="Delhi")
    invoice_id = invoice.id
    return Doors(
        lambda ctx: accept_way(ctx, invoice_id, reason=WHY),
        desk.attention("elsewhere", "accept_way"),
        ["accept-cities", f"#{invoice_id}", "--reason", WHY],
        look="/admin/attention",
    )


def further_city(desk: Desk) -> Doors:
    buyer_id = desk.funding.line.purchaser_id
    with transaction():
        set_cities(desk.ctx, buyer_id, "Mumbai")
    return Doors(
        lambda ctx: set_cities(ctx, buyer_id, "Mumbai, Delhi"),
        (f"/customers/{buyer_id}/cities", {"cities": "Mumbai, Delhi"}),
        ["set-cities", desk.names[1], "Mumbai, Delhi"],
    )


def told_apart(desk: Desk) -> Doors:
    first, second = desk.funding.bring_to("financeable"), desk.funding.ask()
    with transaction():
        for invoice, number in ((first, "INV-1"), (second, "INV/1")):
            invoice.number, invoice.number_strict = number, strict_form(number)
            invoice.number_loose = loose_forms(number)
    desk.funding.deliver(second)
    invoice_id = second.id
    return Doors(
        lambda ctx: tell_apart(ctx, invoice_id, reason=WHY),
        desk.attention("number_alike", "tell_apart"),
        ["tell-apart", f"#{invoice_id}", "--reason", WHY],
        look="/admin/attention",
    )


def hold_lifted(desk: Desk) -> Doors:
    supplier_id = desk.funding.line.supplier_id
    with transaction():
        hold_customer(desk.ctx, supplier_id, reason="odd invoices")
    return Doors(
        lambda ctx: lift_hold(ctx, supplier_id, reason=WHY),
        (f"/customers/{supplier_id}/lift-hold", {"reason": WHY}),
        ["lift-hold", desk.names[0], "--reason", WHY],
    )


def longer_limit(desk: Desk) -> Doors:
    supplier_id = desk.funding.line.supplier_id
    with transaction():
        set_validity(desk.ctx, supplier_id, "supplier", Validity(None, date(2026, 12, 31)))
    return Doors(
        lambda ctx: set_validity(ctx, supplier_id, "supplier", Validity(None, date(2027, 12, 31))),
        (f"/customers/{supplier_id}/validity", {"side": "supplier", "valid_to": "2027-12-31"}),
        ["set-validity", desk.names[0], "supplier", "--valid-to", "2027-12-31"],
    )


def other_account(desk: Desk) -> Doors:
    supplier_id = desk.funding.line.supplier_id
    return Doors(
        lambda ctx: set_account(ctx, supplier_id, NEW),
        (f"/customers/{supplier_id}/bank-details", typed()),
        ["set-bank-account", desk.names[0], "--iban", NEW.iban or "", "--holder", NEW.holder],
    )


def value_raised(desk: Desk) -> Doors:
    invoice_id = desk.funding.ask().id
    return Doors(
        lambda ctx: correct_value(ctx, invoice_id, amount=12_000_00, reason=WHY),
        (f"/invoices/{invoice_id}/value", {"amount": "12000", "reason": WHY}),
        ["correct-value", f"#{invoice_id}", "--amount", "12000", "--reason", WHY],
    )


def document_valid(desk: Desk) -> Doors:
    invoice = desk.funding.deliver(desk.funding.ask(), proof=True)
    document_id, invoice_id = proof_of(invoice).id, invoice.id
    with transaction():
        mark_invalid(desk.ctx, document_id, reason="not signed")
    return Doors(
        lambda ctx: mark_valid(ctx, invoice_id, document_id=document_id, reason=WHY),
        (f"/invoices/documents/{document_id}/valid", {"reason": WHY}),
        ["mark-document", str(document_id), "--valid", "--reason", WHY],
    )


def held_invoice(desk: Desk) -> Doors:
    invoice_id = desk.funding.bring_to("financeable").id
    with transaction():
        hold_customer(desk.ctx, desk.funding.line.supplier_id, reason="odd invoices")
    return Doors(
        lambda ctx: release_hold(ctx, invoice_id, reason=WHY),
        (f"/admin/queue/{invoice_id}/release", {"reason": WHY}),
        ["release-hold", f"#{invoice_id}", "--reason", WHY],
        look="/admin/queue",
    )


def courier_set_up(desk: Desk) -> Doors:
    given = CarrierInput(True, "https://api.example.com", api_key="EZAK-1")
    keys = "the key of keys"
    return Doors(
        lambda ctx: save_carrier_settings(ctx, "easypost", sealed(given, keys), production=False),
        ("/admin/carriers/easypost", {"enabled": "y", "base_url": given.base_url, "api_key": given.api_key}),
    )


def courier_forgotten(desk: Desk) -> Doors:
    settings = settings_from_config(current_app.config)["tusker"]
    with transaction():
        save_carrier_settings(desk.ctx, "tusker", CarrierInput(False, settings.base_url), production=False)
    return Doors(
        lambda ctx: forget_carrier_settings(ctx, "tusker"), ("/admin/carriers/tusker/forget", {"reason": WHY})
    )


def a_rule(desk: Desk) -> int:
    with transaction():
        return add_rule(desk.ctx, RuleData(RuleKind.TENOR, 30), reason="short terms").id


def looser_rule(desk: Desk) -> Doors:
    rule_id = a_rule(desk)
    return Doors(
        lambda ctx: change_rule(ctx, rule_id, 60, reason=WHY),
        (f"/admin/rules/{rule_id}/change", {"value": "60", "reason": WHY}),
        ["change-rule", str(rule_id), "60", "--reason", WHY],
    )


def ended_rule(desk: Desk) -> Doors:
    rule_id = a_rule(desk)
    return Doors(
        lambda ctx: end_rule(ctx, rule_id, reason=WHY),
        (f"/admin/rules/{rule_id}/end", {"reason": WHY}),
        ["end-rule", str(rule_id), "--reason", WHY],
    )


def left_group(desk: Desk) -> Doors:
    buyer_id = desk.funding.line.purchaser_id
    with transaction():
        set_group(desk.ctx, buyer_id, "Ganga group")
    return Doors(
        lambda ctx: set_group(ctx, buyer_id, ""),
        (f"/customers/{buyer_id}/group", {"group": ""}),
        ["set-group", desk.names[1], ""],
    )


LATER = {"valid_to": date(2027, 6, 30)}
CASES: dict[str, tuple[str, Callable[[Desk], Doors]]] = {
    "a new company": ("create_customer", new_company),
    "a supplier's limit": (
        "edit_customer",
        change_of_company(
            {"supplier_limit": 200_000_00},
            {"supplier_limit": "200000"},
            ["set-limit", "--supplier-limit", "200000"],
        ),
    ),
    "a company's mail address": (
        "edit_customer",
        change_of_company({"email": "new@example.com"}, {"email": "new@example.com"}, []),
    ),
    "a company's default terms": (
        "edit_customer",
        change_of_company({"terms": replace(TERMS, advance_rate=Decimal("0.9"))}, {"advance_rate": "90"}, []),
    ),
    "a new line": ("open_credit_line", new_line),
    "a line's limit": (
        "change_credit_line",
        change_of_line(
            {"limit": 200_000_00},
            {"limit": "200000"},
            ["set-limit", "{seller}", "--line-with", "{buyer}", "--limit", "200000"],
        ),
    ),
    "a line's validity": ("change_credit_line", change_of_line(LATER, {"valid_to": "2027-06-30"}, [])),
    "a line's terms": (
        "change_credit_line",
        change_of_line({"terms": replace(TERMS, apr=Decimal("0.05"))}, {"apr": "5"}, []),
    ),
    "a company's hold": ("lift_hold", hold_lifted),
    "a limit's days": ("set_validity", longer_limit),
    "a higher value": ("correct_value", value_raised),
    "a document": ("mark_valid", document_valid),
    "a delivery company": ("save_carrier_settings", courier_set_up),
    "back to the environment": ("forget_carrier_settings", courier_forgotten),
    "a held invoice": ("release_hold", held_invoice),
    "a looser rule": ("change_rule", looser_rule),
    "a rule that ends": ("end_rule", ended_rule),
    "a group that is left": ("set_group", left_group),
    "a suspended line": ("set_line_status", line_again),
    "bank details": ("use_account", other_account),
    "a supplier's user": ("create_user", new_user(Role.SUPPLIER)),
    "an admin": ("create_user", new_user(Role.ADMIN)),
    "a user let in again": ("reactivate_user", user_again),
    "a token": ("add_token", new_token),
    "a token whose maker left": ("take_over_token", token_taken_over),
    "a write-off": ("write_off", debt_written_off),
    "a waiver": ("waive", charges_waived),
    "an extension": ("extend", due_date_moved),
    "a refund": ("refund_credit", credit_paid_back),
    "a delivery by hand": ("report_delivery", delivery_by_hand),
    "a dispute": ("overrule_dispute", dispute_overruled),
    "a dispute in Attention": ("overrule_dispute", dispute_overruled_in_attention),
    "another value": ("accept_value", value_accepted),
    "an early delivery": ("accept_delivery", early_delivery_accepted),
    "a parcel of other cities": ("accept_way", other_cities_accepted),
    "a further city": ("set_cities", further_city),
    "a number that looks alike": ("tell_apart", told_apart),
}


def digest() -> dict[str, str]:
    """What every table holds but those that a proposal, or looking at a page, may write."""
    db.session.rollback()
    found = {}
    for table in db.metadata.sorted_tables:
        if table.name not in {
            "proposals",
            "events",
            "event_seals",
            "outbox",
            "attention_items",
            "recent_things",
            "saved_views",
        }:
            rows = f"SELECT md5(string_agg(to_jsonb(t)::text, '' ORDER BY to_jsonb(t)::text)) FROM \"{table.name}\" t"
            rows = rows.replace("to_jsonb(t)", "(to_jsonb(t) - 'last_login_at')")
            found[table.name] = db.session.execute(text(rows)).scalar() or ""
    return found


@pytest.fixture
def desk(funding: FundingDesk, create_user: Callable[..., User], run: Run, stopped_clock: None) -> Desk:
    return Desk(funding, create_user, run)


def go_through(desk: Desk, doors: Doors, door: str, maker: Context, browser: FlaskClient) -> None:
    """One admin tries to do it."""
    if door == "service":
        with transaction():
            doors.service(maker)
    elif door == "page":
        path, data = doors.page or ("", {})
        looked_at = browser.get(doors.look).text if doors.look else ""
        answer = browser.post(path, data={**data, "seen": button_values(looked_at, "seen")})
        assert answer.status_code in {200, 303}, answer.text
    else:
        code, said = desk.run(*doors.command, "--as", "maker@example.com")
        assert (code, "Proposed as" in said) == (0, True), said


@pytest.mark.parametrize("case", CASES)
def test_one_admin_alone_changes_nothing(
    desk: Desk, login: Callable[..., FlaskClient], case: str, request: pytest.FixtureRequest
) -> None:
    kind, build = CASES[case]
    doors = build(desk)
    # From here on two are needed.
    maker, checker = (
        replace(request.getfixturevalue(name), now=desk.ctx.now) for name in ("maker", "checker")
    )
    browser = login(user=db.session.get_one(User, maker.actor_id))
    before = digest()
    for door in ("service", "page", "command"):
        if not getattr(doors, door):
            continue
        for old in db.session.query(Proposal).filter_by(state="open"):
            with transaction():
                refuse(maker, old.id, reason="the next way")
        go_through(desk, doors, door, maker, browser)
        assert digest() == before, door
        made = db.session.query(Proposal).filter_by(state="open").one()
        assert (made.kind, made.proposed_by, bool(made.changes)) == (kind, maker.actor_id, True)
    with pytest.raises(NotAllowed), transaction():
        accept(maker, made.id)
    assert digest() == before
    with transaction():
        accept(checker, made.id)
    assert digest() != before


def test_every_action_is_tried() -> None:
    assert {kind for kind, _ in CASES.values()} >= ACTIONS.keys()
