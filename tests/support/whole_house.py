"""A row of every kind that an address may name: a company's own, and of another that trades with the same partner."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.routing import Rule

from tests.support.camt import Tx
from tests.support.funding import FundingDesk
from tests.support.tokens import token_made
from tests.support.values import TERMS
from tusker import clock
from tusker.domain.credit.risk import RuleKind
from tusker.domain.delivery.shipments import Document, DocumentKind, ShipmentStatus
from tusker.domain.loans.extensions import ReliefLimits
from tusker.extensions import db
from tusker.models import (
    CreditLine,
    Customer,
    DeductionKind,
    FactorKind,
    Invoice,
    RiskRule,
    Role,
    SecondFactor,
    TokenScope,
    User,
)
from tusker.services.attention import review_items, rules_at
from tusker.services.bank.uploads import take_upload
from tusker.services.context import Context
from tusker.services.credit.importing.large import keep_file
from tusker.services.credit.risk.rules import RuleData, add_rule, end_rule
from tusker.services.events import record_event
from tusker.services.loans.charges import record_charge_of_receipt
from tusker.services.loans.claims import claim_returned
from tusker.services.loans.deductions.recording import KeptBack, record_deduction
from tusker.services.loans.receipts.recording import record_receipt, refund_credit
from tusker.services.loans.relief.granting import extend
from tusker.services.locks import lock_invoices
from tusker.services.people import sessions
from tusker.services.people.access_log import Visitor
from tusker.transactions import transaction

_PAPER = Document(DocumentKind.PROOF_OF_DELIVERY, "https://docs.example/1.pdf")
STATIONS = ("disbursed", "approved", "waiting", "financeable", "draft", "repaid", "written_off")
FEW = ("disbursed", "approved", "draft")
SIDES = ("supplier", "purchaser")
HERE = Visitor("127.0.0.1", "test")
TABLE = b"Giorno;Causale;Uscite;Entrate;Rif\n03/04/2026;bonifico;;1.250,50;R-1\n"
_IDS = {
    "charge_id": "bank_charges",
    "claim_id": "claims",
    "disbursal_id": "disbursals",
    "document_id": "shipment_documents",
    "entry_id": "statement_entries",
    "file_id": "invoice_files",
    "item_id": "attention_items",
    "note_id": "credit_notes",
    "payable_id": "payables",
    "payout_id": "payouts",
    "profile_id": "statement_profiles",
    "proposal_id": "proposals",
    "relief_id": "reliefs",
    "rule_id": "risk_rules",
    "statement_id": "bank_statements",
    "upload_id": "statement_uploads",
}
"""Rows that only staff may name, by the argument of an address."""
Ids = Mapping[str, list[Any]]
GIVEN = {"ending": ["csv", "xlsx"]}
"""Arguments that name no row."""


@dataclass(frozen=True)
class House:
    """Who acts, and what addresses name."""

    app: Flask
    users: Mapping[str, int]
    """By role; `victim` is an admin to act upon."""
    keys: Mapping[str, str]
    """API tokens by name: `supplier`, `purchaser`, `reader` (a supplier's that may only read)."""
    own: Mapping[str, Ids]
    """By role and argument."""
    foreign: Mapping[str, Ids]
    """By role of a company's user: the same of another company on the same side."""
    secrets: Mapping[str, list[str]]
    """By role of a company's user: words that nothing shown to it holds."""

    def browser(self, who: str) -> FlaskClient:
        """A browser in which somebody has just signed in and shown a second factor; of nobody else."""
        browser = self.app.test_client()
        if who in self.users:
            with transaction():
                user = db.session.get_one(User, self.users[who])
                begun, token = sessions.begin_session(clock.now(), user, HERE)
                begun.factor_at = begun.created_at
            with browser.session_transaction() as session:
                session.update(_user_id=token, _fresh=True)
        return browser

    def addresses(self, rule: Rule, ids: Ids) -> Iterator[str]:
        """The addresses of a route, with each of these rows (1 where there is none)."""
        wanted = [ids.get(name, GIVEN.get(name, [1])) for name in sorted(rule.arguments)]
        with self.app.test_request_context():
            for number in range(max(map(len, wanted), default=1)):
                given = (values[number % len(values)] for values in wanted)
                yield self.app.url_for(rule.endpoint, **dict(zip(sorted(rule.arguments), given, strict=True)))


@dataclass
class Builder:
    """Writes it all by the services, with the fixtures' factories."""

    app: Flask
    ctx: Context
    supplier: Callable[..., Customer]
    purchaser: Callable[..., Customer]
    line: Callable[..., CreditLine]
    user: Callable[..., User]
    bank: Callable[..., Any]

    def build(self) -> House:
        seller, buyer = self.supplier("Own Mills"), self.purchaser("Own Stores")
        others = {
            "supplier": self.supplier("Otherwise Mills"),
            "purchaser": self.purchaser("Otherwise Stores"),
        }
        lines = {
            "own": self.line(seller, buyer),
            "supplier": self.line(others["supplier"], buyer),
            "purchaser": self.line(seller, others["purchaser"]),
        }
        people = {
            "admin": self.user(Role.ADMIN, name="Ada"),
            "auditor": self.user(Role.AUDITOR, name="Aud"),
            "victim": self.user(Role.ADMIN, name="Vic"),
            "supplier": self.user(Role.SUPPLIER, customer=seller, name="Sue"),
            "purchaser": self.user(Role.PURCHASER, customer=buyer, name="Pur"),
        }
        strangers = {
            "supplier": self.user(Role.SUPPLIER, customer=others["supplier"], name="Foreign Sue"),
            "purchaser": self.user(Role.PURCHASER, customer=others["purchaser"], name="Strange Pur"),
        }
        users = {name: user.id for name, user in people.items()}
        invoices = {
            name: self._invoices(line, STATIONS if name == "own" else FEW) for name, line in lines.items()
        }
        self._business(lines["own"], invoices["own"])
        self._staff_rows(users["admin"])
        keys = {
            "supplier": self._key(seller),
            "purchaser": self._key(buyer),
            "reader": self._key(seller, scope=TokenScope.READ),
        }
        for other in others.values():
            self._key(other)
        own = self._ids(lines["own"], invoices["own"], seller)
        sides = {"supplier": seller, "purchaser": buyer}
        mine = {
            side: {
                **own,
                **self._of(users[side], company),
                "kind": [side, "credit_line"],
                "key": [company.id, lines["own"].id],
            }
            for side, company in sides.items()
        }
        staff = {**own, **self._of(users["victim"], seller), "user_id": [users["victim"]]}
        foreign = {
            side: {
                **self._ids(lines[side], invoices[side], others[side]),
                **self._of(strangers[side].id, others[side]),
                "kind": [side, "credit_line"],
                "key": [others[side].id, lines[side].id],
            }
            for side in SIDES
        }
        secrets = {
            side: [word, *(db.session.get_one(Invoice, key).number for key in invoices[side])]
            for side, word in (("supplier", "Foreign"), ("purchaser", "Strange"))
        }
        owned = {**mine, "admin": staff, "auditor": {**staff, **self._of(users["auditor"], seller)}}
        return House(self.app, users, keys, owned, foreign, secrets)

    def _invoices(self, line: CreditLine, stations: Sequence[str]) -> list[int]:
        """An invoice at each station."""
        desk, found = FundingDesk(self.ctx, line), []
        for station in stations:
            invoice = desk.ask() if station == "waiting" else desk.bring_to(station)
            found.append(invoice.id)
            if station == "waiting":
                desk.say(invoice, ShipmentStatus.IN_TRANSIT, documents=(_PAPER,))
        return found

    def _business(self, line: CreditLine, invoices: list[int]) -> None:
        """What happens to a debt."""
        ctx, debt = self.ctx, invoices[STATIONS.index("disbursed")]
        with transaction():
            receipt = record_receipt(
                ctx,
                line.purchaser_id,
                amount=9_000_00,
                bank_reference="IN-1",
                value_date=ctx.today,
                wanted=[],
            )
            record_charge_of_receipt(ctx, receipt.id, amount=1_00, value_date=ctx.today)
            refund_credit(ctx, receipt.id, amount=5_00, bank_reference="OUT-1", value_date=ctx.today)
            record_deduction(ctx, KeptBack(debt, DeductionKind.QUALITY, 10_00, reason="torn", disputed=True))
            later = ctx.today + timedelta(days=TERMS.tenor_days + 5)
            limits = ReliefLimits(10**9, TERMS.advance_rate, 300)
            extend(ctx, debt, due_date=later, with_interest=True, reason="late", limits=limits)
            claim_returned(ctx, lock_invoices([debt]))

    def _staff_rows(self, admin: int) -> None:
        """What only staff see."""
        ctx = replace(self.ctx, actor_id=admin, actor="Ada")
        with transaction():
            rule = add_rule(ctx, RuleData(RuleKind.FIRST_DEAL, 1), reason="new")
            assert isinstance(rule, RiskRule)
            with patch.dict(self.app.config, REQUIRE_SECOND_ADMIN=True):
                end_rule(ctx, rule.id, reason="old")
            keep_file(ctx, [b"No,Seller,Buyer\n1,2,3\n"], "invoices.csv")
            take_upload(ctx, TABLE, "estratto.csv", unclear="Which column is what?")
            review_items(ctx, rules_at(ctx))
        self.bank([Tx(10_00, reference=f"R-{n}", text=f"thing {n}") for n in range(2)])

    def _key(self, company: Customer, scope: TokenScope = TokenScope.REQUEST) -> str:
        with transaction():
            return token_made(self.ctx, company.id, f"Key of {company.name}", scope=scope)[1]

    def _ids(self, line: CreditLine, invoices: list[int], company: Customer) -> Ids:
        """What addresses name of a line; of tables that only staff see the first row."""
        first = {name: _one(f"SELECT min(id) FROM {table}") for name, table in _IDS.items()}
        return {
            **{name: [found] for name, found in first.items() if found is not None},
            "invoice_id": invoices,
            "line_id": [line.id],
            "customer_id": [company.id],
            "supplier_id": [line.supplier_id],
            "receipt_id": [
                _one("SELECT min(id) FROM receipts WHERE kind = 'payment' AND of_receipt_id IS NULL")
            ],
            "refund_id": [_one("SELECT min(id) FROM receipts WHERE kind = 'refund'")],
            "disbursal_id": _all(
                "SELECT DISTINCT disbursal_id FROM disbursal_lines WHERE invoice_id = ANY(:ids)", ids=invoices
            ),
            "kind": ["supplier", "credit_line"],
            "key": [line.supplier_id, line.id],
            "name": ["tusker"],
            "carrier": ["tusker"],
            "token": ["x" * 22],
            "filename": ["none.css"],
        }

    def _of(self, user_id: int, company: Customer) -> Ids:
        """What is a person's own: a session, a second factor, the company's token."""
        with transaction():
            begun, _ = sessions.begin_session(clock.now(), db.session.get_one(User, user_id), HERE)
            factor = SecondFactor(
                user_id=user_id,
                kind=FactorKind.APP,
                name="phone",
                secret=b"x",
                last_step=0,
                created_at=clock.now(),
            )
            record_event(self.ctx, ("user", user_id), "second_factor_added", to_value="phone")
            db.session.add(factor)
            db.session.flush()
            token = _one("SELECT min(id) FROM api_tokens WHERE customer_id = :id", id=company.id)
            return {"session_id": [begun.id], "factor_id": [factor.id], "token_id": [token]}


def _one(sql: str, **values: Any) -> Any:
    return db.session.execute(text(sql), values).scalar()


def _all(sql: str, **values: Any) -> list[Any]:
    return list(db.session.execute(text(sql), values).scalars())


def contents() -> dict[str, str]:
    """What all tables hold, as digests; without who was refused, and when somebody was seen last."""
    db.session.rollback()
    row = "(to_jsonb(t) - 'last_used_at' - 'last_seen_at')::text"
    return {
        table.name: _one(f'SELECT md5(string_agg({row}, chr(10) ORDER BY {row})) FROM "{table.name}" t')
        for table in db.metadata.sorted_tables
        if table.name != "access_log"
    }
