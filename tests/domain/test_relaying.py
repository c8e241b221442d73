"""What was paid on a debt, laid anew by another due date: as it would have been laid then, never more than arises."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.domain.test_derivation import START
from tests.domain.test_extensions import MOVES, fresh_debts, move
from tusker.domain.loans.allocation import allocate_to_loan, check_allocation
from tusker.domain.loans.extensions import DueMove
from tusker.domain.loans.interest import Debt, Paid, amount_due, overpaid_on
from tusker.domain.loans.relaying import Laid, lay_anew


def with_rows(debt: Debt, rows: list[Laid]) -> Debt:
    splits = [(row.value_date, part) for row in rows for part in (row.split, row.rounded) if part is not None]
    paid = [Paid(day, part.penalty, part.fee, part.interest, part.principal) for day, part in splits]
    return replace(debt, paid=paid)


@st.composite
def paid_debts(draw: st.DrawFn) -> tuple[Debt, list[Laid]]:
    """A debt of which some was paid, waived and rounded off, on days in order."""
    debt, rows = draw(fresh_debts()), list[Laid]()
    for after in sorted(draw(st.lists(st.integers(0, 300), max_size=5))):
        day = START + timedelta(days=after)
        due = amount_due(with_rows(debt, rows), day)
        part = draw(st.sampled_from([0.1, 0.5, 0.9, 1.0]))
        if draw(st.booleans()):
            split = allocate_to_loan(1, int(max(0, due.total) * part), due)
            rest = allocate_to_loan(1, due.total, due)
            parts = ("penalty", "fee", "interest", "principal")
            left = {name: getattr(rest, name) - getattr(split, name) for name in parts}
            small = 0 < due.total - split.total <= 100
            rows.append(Laid(day, split, rounded=replace(rest, **left) if small else None))
        else:
            given_up = {
                name: int(max(0, getattr(due, name)) * part) for name in ("penalty", "fee", "interest")
            }
            waived = replace(allocate_to_loan(1, 0, due), principal=0, **given_up)
            rows.append(Laid(day, waived, waived=True))
    return debt, rows


@given(paid_debts())
def test_on_the_same_terms_nothing_changes(book: tuple[Debt, list[Laid]]) -> None:
    debt, rows = book
    assert lay_anew(debt, rows) == rows


@given(paid_debts(), MOVES)
def test_each_row_fits_what_is_owed_on_its_day_and_never_grows(
    book: tuple[Debt, list[Laid]], moves: list[DueMove]
) -> None:
    debt, rows = book
    moved = move(debt, *moves)
    made = lay_anew(moved, rows)
    for place, (was, row) in enumerate(zip(rows, made, strict=True)):
        due = amount_due(with_rows(moved, made[:place]), row.value_date)
        assert row.split.total <= was.split.total
        assert not row.split.laid or row.waived or check_allocation(row.split, due) is None
        assert (
            row.split.total == min(was.split.total, max(0, due.total)) or row.waived or row.split == was.split
        )
        assert not row.waived or max(0, due.penalty) >= row.split.penalty >= 0
    # Of interest deducted at the payout more may be unearned than before, once days are free.
    assert moved.deducted.interest or overpaid_on(with_rows(moved, made), with_rows(debt, rows)) is None


@given(paid_debts(), MOVES)
def test_laid_twice_it_is_as_laid_once(book: tuple[Debt, list[Laid]], moves: list[DueMove]) -> None:
    debt, rows = book
    made = lay_anew(move(debt, *moves), rows)
    assert lay_anew(move(debt, *moves), made) == made
