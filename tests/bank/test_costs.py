"""What accepting entries costs: the loans are locked together, once, and what is owed on them is worked out once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.camt import Tx
from tests.support.counting import costs
from tusker.models import CreditLine, Invoice, StatementEntry
from tusker.queries.bank.candidates import judge_entries
from tusker.services.bank import decisions
from tusker.services.bank.importing import ImportResult
from tusker.services.context import Context
from tusker.transactions import transaction


@pytest.fixture
def three(
    make_line: Callable[..., CreditLine],
    make_invoice: Callable[..., Invoice],
    bank: Callable[..., ImportResult],
    entries: Callable[[], list[StatementEntry]],
) -> list[StatementEntry]:
    """Three entries, each of which pays a loan of one purchaser exactly."""
    line = make_line()
    owed = [make_invoice("disbursed", line=line) for _ in range(3)]
    bank([Tx(8_000_00, reference=f"IN-{i.id}", name=i.purchaser.name, text=i.number) for i in owed])
    return entries()


def test_sure_entries(ctx: Context, three: list[StatementEntry]) -> None:
    ids = [entry.id for entry in three]
    # three loans may be meant, and the one that is paid is looked at again under its lock
    with costs(sends=27, reckons=4), transaction():
        assert len(decisions.accept_sure(ctx, ids[:1]).receipts) == 1
    with costs(sends=40, reckons=4), transaction():
        assert len(decisions.accept_sure(ctx, ids[1:]).receipts) == 2


def test_an_entry_as_suggested(ctx: Context, three: list[StatementEntry]) -> None:
    entry_id, best = three[0].id, judge_entries(three[:1], ctx.today)[three[0].id].suggestions[0]
    splits = {part.loan.loan_id: part.amount for part in best.parts}
    with costs(sends=19, reckons=1), transaction():
        decisions.accept_entry(ctx, entry_id, best.customer_id, splits)
