"""What settling payouts by a statement costs: all that they touch is locked once, whatever their number."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.support.camt import payment_of, return_of
from tests.support.counting import statements
from tests.support.payouts import approve_and_release
from tusker.extensions import db
from tusker.models import Claim, CreditLine, Invoice, Payout, User
from tusker.queries.record.proof import prove
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.services.loans.claims import accept_claim, claim_returned
from tusker.services.locks import lock_invoices
from tusker.services.payout.disbursals.bundling import bundle_selection
from tusker.transactions import transaction

LOCKED = ("statement_entries", "disbursals", "payouts", "receipts")


@pytest.fixture
def payouts(
    ctx: Context,
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    create_user: Callable[..., User],
) -> list[Payout]:
    """Three payouts of one released disbursal; from the last one a claim for goods that came back was netted."""
    lines = [make_line() for _ in range(3)]
    sent_back = make_invoice("disbursed", line=lines[2], value=2_000_00)
    with transaction():
        claim_returned(ctx, lock_invoices([sent_back.id]))
    admin = replace(ctx, actor_id=create_user().id)
    with transaction():
        accept_claim(admin, db.session.query(Claim).one().id, amount=None, reason="agreed")
    ids = [make_invoice("financeable", line=line).id for line in (*lines, lines[0])]
    with transaction():
        made = approve_and_release(ctx, bundle_selection(ctx, ids).id)
    return list(made.payouts)


@contextmanager
def costs(*, sends: int) -> Iterator[None]:
    """Fail unless exactly so many statements are sent, and of each kind of row in `LOCKED` all are locked at once."""
    db.session.rollback()
    with statements() as sent:
        yield
    once = Counter(table for text in sent for table in re.findall(r"FOR NO KEY UPDATE OF (\w+)", text))
    assert {table: once[table] for table in LOCKED} == dict.fromkeys(LOCKED, 1)
    # stored already, of which kind, those that may say anything, and what settled these payouts before
    assert sum("FROM statement_entries" in " ".join(text.split()) for text in sent) == 4
    assert len(sent) == sends


def test_what_left_and_what_the_bank_did_not_pay(
    ctx: Context, payouts: list[Payout], bank: Callable[..., ImportResult]
) -> None:
    said = [payment_of(payouts[0]), return_of(payouts[1]), payment_of(payouts[2])]
    with costs(sends=90):
        bank(said)
    assert [payout.state for payout in payouts] == ["confirmed", "rejected", "confirmed"]
    assert prove().holds
    said = [return_of(payouts[0]), return_of(payouts[2])]
    with costs(sends=114):
        bank(said, number="STMT-2")
    assert [payout.state for payout in payouts] == ["returned", "rejected", "returned"]
    assert prove().holds
