"""Decimals of currencies are those of ISO 4217, in amounts that are read and in those that are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.currency import Currency, _pattern
from tusker.domain.currencies import decimals_of


@pytest.mark.parametrize(
    ("code", "decimals"),
    [
        *(
            (code, 2)
            for code in ("INR", "EUR", "RSD", "LBP", "MMK", "AFN", "ALL", "HUF", "COP", "UZS", "MGA")
        ),
        *((code, 3) for code in ("IQD", "KWD", "BHD", "OMR", "JOD", "TND", "LYD")),
        *((code, 0) for code in ("JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XOF", "RWF")),
        ("CLF", 4),
    ],
)
def test_decimals_are_those_of_the_standard(code: str, decimals: int) -> None:
    assert decimals_of(code) == Currency(code, "en").exponent == decimals


@pytest.mark.parametrize(
    ("code", "locale", "amount", "shown"),
    [
        ("INR", "en_IN", 1_25_000_00, "₹1,25,000.00"),
        ("INR", "en_IN", -5_50, "-₹5.50"),
        ("RSD", "en", 12_345, "RSD123.45"),
        ("IQD", "en", 12_345, "IQD12.345"),
        ("JPY", "en", 12_345, "¥12,345"),
        ("EUR", "de_DE", 12_345_67, "12.345,67\xa0€"),
        ("LKR", "si_LK", 5_00, "රු.5.00"),
    ],
)
def test_an_amount_is_shown_with_them(code: str, locale: str, amount: int, shown: str) -> None:
    money = Currency(code, locale)
    assert money.show(amount) == shown
    assert money.parse(money.plain(abs(amount)), field="amount") == abs(amount)


@given(
    code=st.sampled_from(("INR", "EUR", "JPY", "KWD", "CLF")),
    locale=st.sampled_from(
        ("en_IN", "en", "de_DE", "de_CH", "fr_FR", "es", "pl", "ja", "hi", "sv", "si_LK", "he")
    ),
    amount=st.integers(-(10**15), 10**15) | st.integers(-2_000, 2_000),
)
def test_amounts_are_written_as_the_library_writes_them(code: str, locale: str, amount: int) -> None:
    money = Currency(code, locale)
    pattern, known = _pattern(money)
    assert money.show(amount) == pattern.apply(money.major(amount), known)
