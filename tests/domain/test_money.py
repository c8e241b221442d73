"""Reading amounts that people write, and the one rounding."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.domain.money import MAX_AMOUNT, parse_amount, round_minor, to_major
from tusker.errors import InvalidInput

INR = ("₹", "INR")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1250", 125000),
        ("1250.5", 125050),
        (" 1,250.50 ", 125050),
        ("12,34,567.89", 123456789),
        ("1,234,567.89", 123456789),
        ("₹ 10", 1000),
        ("₹10", 1000),
        ("10 INR", 1000),
        ("0.01", 1),
    ],
)
def test_amounts_as_people_write_them(text: str, minor: int) -> None:
    assert parse_amount(text, exponent=2, field="amount", symbols=INR) == minor


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Enter an amount"),
        ("-5", "must not be negative"),
        ("−5", "must not be negative"),
        ("(5.00)", "must not be negative"),
        ("$5", "not an amount"),
        ("5 EUR", "not an amount"),
        ("€ 5", "not an amount"),
        ("1.005", "at most 2 decimals"),
        ("0", "more than zero"),
        ("0.00", "more than zero"),
        ("1e3", "not an amount"),
        ("NaN", "not an amount"),
        ("Infinity", "not an amount"),
        ("1_000", "not an amount"),
        ("12,3", "not an amount"),
        ("1.234,50", "not an amount"),
        ("٣", "not an amount"),
        ("9" * 20, "too large"),
        ("₹₹5", "not an amount"),
    ],
)
def test_what_is_no_amount_is_refused_with_its_field(text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_amount(text, exponent=2, field="amount", symbols=INR)
    assert words in refused.value.message
    assert refused.value.field == "amount"


@given(st.integers(1, MAX_AMOUNT), st.integers(0, 4))
def test_what_is_shown_plainly_is_read_back(amount: int, exponent: int) -> None:
    assert parse_amount(str(to_major(amount, exponent)), exponent=exponent, field="x") == amount


@pytest.mark.parametrize(
    ("exact", "rounded"), [("0.5", 0), ("1.5", 2), ("2.5", 2), ("2.50001", 3), ("-0.5", 0), ("-1.5", -2)]
)
def test_halves_go_to_the_even_neighbour(exact: str, rounded: int) -> None:
    assert round_minor(Decimal(exact)) == rounded
