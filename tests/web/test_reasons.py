"""A reason is judged in one place: pages and commands say the same of one that is too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.camt import Tx
from tests.support.pages import words
from tests.support.payouts import account_of
from tests.support.people import make_user
from tests.support.values import NOW
from tusker.domain.credit.risk import RuleKind
from tusker.domain.record.attention import AttentionKind
from tusker.extensions import db
from tusker.models import AttentionItem, CreditLine, Event, Invoice, Loan, Payout, Role, User
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.services.loans.receipts.recording import record_receipt, refund_credit
from tusker.services.payout.bank_accounts import propose_account
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.services.reasons import LONGEST_REASON
from tusker.transactions import transaction

TOO_LONG = "x" * 600
SAID = "Give a reason of 1 to 300 characters on one line."

COMMANDS = {
    "cancel-invoice": ["{invoice}"],
    "report-delivery": ["{invoice}"],
    "write-off": ["{invoice}"],
    "undo-write-off": ["{invoice}"],
    "credit-note": ["{invoice}", "--number", "CN-1", "--amount", "10"],
    "deduct": ["{invoice}", "--kind", "tax", "--amount", "10"],
    "withdraw-deduction": ["1"],
    "undo-deduction": ["1"],
    "bank-charge": ["--receipt", "R-1", "--amount", "1"],
    "undo-bank-charge": ["1"],
    "waive": ["{invoice}", "--interest", "1", "--as", "admin@example.com"],
    "extend": ["{invoice}", "--due-date", "2026-12-01", "--as", "admin@example.com"],
    "undo-relief": ["1", "--as", "admin@example.com"],
    "reverse-receipt": ["R-1"],
    "return-refund": ["RF-1"],
    "undo-disbursal": ["{disbursal}"],
    "drop-disbursal": ["{disbursal}"],
    "reject-payout": ["{payout}"],
    "paid-after-all": ["{payout}", "--bank-reference", "B-9", "--value-date", "2026-03-02"],
    "deactivate-user": ["new@example.com"],
    "reset-second-factor": ["new@example.com"],
    "refuse": ["1", "--as", "admin@example.com"],
    "hold-customer": ["{supplier}"],
    "lift-hold": ["{supplier}"],
    "correct-value": ["{invoice}", "--amount", "12"],
    "accept-delivery": ["{invoice}"],
    "accept-cities": ["{invoice}"],
    "tell-apart": ["{invoice}"],
    "mark-document": ["1"],
    "add-rule": ["tenor", "30"],
    "change-rule": ["1", "60"],
    "end-rule": ["1"],
    "release-hold": ["{invoice}"],
}
"""Every command that takes a reason, with what else it needs."""

PAGES: list[tuple[str, dict[str, str]]] = [
    *(
        (f"/invoices/1/{act}", {})
        for act in ("cancel", "delivered", "overrule", "accept-value", "undo-write-off")
    ),
    ("/admin/loans/1/write-off", {}),
    ("/admin/invoices/1/credit-notes/new", {"number": "CN-1", "amount": "10"}),
    ("/admin/receipts/1/undo", {}),
    ("/admin/receipts/refunds/3/returned", {}),
    *((f"/admin/deductions/1/{act}", {}) for act in ("withdraw", "undo")),
    ("/admin/charges/1/undo", {}),
    ("/admin/loans/1/waive", {"interest": "1", "value_date": "2026-03-02"}),
    ("/admin/loans/1/extend", {"due_date": "2026-12-01"}),
    ("/admin/relief/1/undo", {}),
    ("/admin/disbursals/2/lines", {"shown_ids": "2"}),
    *((f"/admin/disbursals/1/{act}", {}) for act in ("drop", "withdraw", "undo")),
    *((f"/admin/payouts/1/{act}", {}) for act in ("reject", "reinstate", "return")),
    ("/admin/payouts/1/paid", {"bank_reference": "B-9", "value_date": "2026-03-02"}),
    *((f"/admin/statements/entries/1/{act}", {}) for act in ("park", "dismiss")),
    ("/admin/users/2/deactivate", {}),
    ("/customers/lines/1/status", {"status": "suspended"}),
    ("/admin/approvals/1/refuse", {}),
    ("/admin/attention/1", {"action": "accept_claim"}),
    ("/admin/attention/1", {"action": "dismiss_claim"}),
    ("/admin/attention/2", {"action": "overrule"}),
    ("/admin/attention/3", {"action": "accept_value"}),
]


@pytest.fixture
def book(
    app: Flask,
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
    bank: Callable[..., ImportResult],
    stopped_clock: None,
) -> dict[str, str]:
    """Something of every kind that a reason may be about; the names that commands know it by."""
    admin = create_user(email="admin@example.com")
    make_user(replace(ctx, actor_id=admin.id), "new@example.com")
    line = make_line()
    invoice = make_invoice("disbursed", line=line)
    waiting = [make_invoice("financeable", line=line).id for _ in range(2)]
    with transaction():
        add_rule(ctx, RuleData(RuleKind.TENOR, 365), reason="a year at most")
        bundle_selection(ctx, waiting)
        record_receipt(ctx, line.purchaser_id, amount=5_00, bank_reference="R-1", value_date=ctx.today)
        more = record_receipt(
            ctx, line.purchaser_id, amount=5_00, bank_reference="R-2", value_date=ctx.today, wanted=[]
        )
        refund_credit(ctx, more.id, amount=5_00, bank_reference="RF-1", value_date=ctx.today)
        account = replace(account_of(line.supplier_id, "New"), account_number="99887766554433")
        propose_account(replace(ctx, actor_id=admin.id), line.supplier_id, account)
        for kind in (
            AttentionKind.RETURNED_AFTER_PAYOUT,
            AttentionKind.DISPUTED,
            AttentionKind.VALUE_DIFFERS,
        ):
            db.session.add(
                AttentionItem(
                    kind=kind,
                    subject="invoice",
                    subject_id=invoice.id,
                    cause_at=NOW,
                    detail="",
                    facts={"claim_id": 1, "amount": 10_00, "answered_amount": None, "declared": 9_00},
                    opened_at=NOW,
                )
            )
    bank([Tx(77, name="Nobody")])
    loan = db.session.query(Loan).one()
    return {
        "invoice": invoice.number,
        "supplier": loan.invoice.supplier.name,
        "disbursal": loan.disbursal.reference,
        "payout": db.session.query(Payout).one().reference,
    }


def events() -> int:
    db.session.rollback()
    return db.session.query(Event).count()


def test_every_command_with_a_reason_is_tried(app: Flask) -> None:
    asking = {
        name
        for name, command in app.cli.commands.items()
        if any(param.name == "reason" for param in command.params)
    }
    assert asking == COMMANDS.keys()


def test_commands(app: Flask, book: dict[str, str], subtests: pytest.Subtests) -> None:
    before = events()
    for command, given in COMMANDS.items():
        with subtests.test(command):
            words = [word.format(**book) for word in given]
            answer = app.test_cli_runner().invoke(args=[command, *words, "--reason", TOO_LONG])
            assert (answer.exit_code, answer.output) == (1, f"Error: reason: {SAID}\n")
            assert events() == before


def test_pages(book: dict[str, str], login: Callable[..., FlaskClient]) -> None:
    assert LONGEST_REASON == 300
    browser = login()
    before = events()
    for path, more in PAGES:
        for reason in (TOO_LONG, "two\nlines"):
            answer = browser.post(path, data={"reason": reason, **more})
            assert (answer.status_code, SAID in answer.text) == (422, True), (path, more, words(answer.text))
    settled = browser.post("/admin/attention/1", data={"action": "settle", "reason": TOO_LONG})
    assert "Give a note of 1 to 300 characters on one line." in settled.text
    assert events() == before


def test_the_purchaser(book: dict[str, str], login: Callable[..., FlaskClient]) -> None:
    purchaser = db.session.query(Invoice).order_by(Invoice.id).first().purchaser
    browser = login(Role.PURCHASER, customer=purchaser)
    said = {"grounds": "goods_not_received", "reason": TOO_LONG}
    answer = browser.post("/invoices/1/dispute-delivery", data=said)
    assert (answer.status_code, SAID in answer.text) == (422, True)
