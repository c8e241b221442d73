"""Account numbers: what is taken, what is refused at which field, how much is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from tusker.domain.accounts import AccountNumber, parse_account
from tusker.errors import InvalidInput

# from the SWIFT IBAN registry's examples
IBANS = (
    "DE89370400440532013000",
    "GB29NWBK60161331926819",
    "FR1420041010050500013M02606",
    "NL91ABNA0417164300",
    "AE070331234567890123456",
    "MT84MALT011000012345MTLCAST001S",
    "NO9386011117947",
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ({"iban": "de89 3704 0044 0532 0130 00"}, AccountNumber("Asha", iban=IBANS[0])),
        ({"iban": IBANS[1], "bic": "nwbkgb2l"}, AccountNumber("Asha", iban=IBANS[1], bic="NWBKGB2L")),
        (
            {"account_number": " 0012 3456 789", "ifsc": "hdfc0000123"},
            AccountNumber("Asha", account_number="00123456789", ifsc="HDFC0000123"),
        ),
        (
            {"account_number": "ab-12/3", "bic": "CHASUS33XXX", "iban": " "},
            AccountNumber("Asha", account_number="AB-12/3", bic="CHASUS33XXX"),
        ),
        (
            {"account_number": "7", "bic": "CHASUS33"},
            AccountNumber("Asha", account_number="7", bic="CHASUS33"),
        ),
    ],
)
def test_what_people_write_is_normalised(typed: dict[str, str], stored: AccountNumber) -> None:
    assert parse_account("  Asha ", **typed) == stored


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("iban", {}),
        ("iban", {"iban": "DE89370400440532013001"}),
        ("iban", {"iban": "DE8937040044053201300"}),
        ("iban", {"iban": "XX" + mod_97_10.calc_check_digits("123456XX") + "123456"}),
        ("iban", {"iban": "DE" + mod_97_10.calc_check_digits("123456DE") + "123456"}),
        ("iban", {"iban": "not an iban"}),
        ("iban", {"iban": "DE89-3704-0044-0532-0130-00"}),
        ("iban", {"iban": "DE\u0668\u0669370400440532013000"}),
        ("iban", {"iban": "DE89" + "3" * 60}),
        ("account_number", {"iban": IBANS[0], "account_number": "123456789"}),
        ("ifsc", {"iban": IBANS[0], "ifsc": "HDFC0000123"}),
        ("ifsc", {"account_number": "123456789"}),
        ("ifsc", {"account_number": "123456789", "ifsc": "HDFC1000123"}),
        ("ifsc", {"account_number": "123456789", "ifsc": "HDFC00001234"}),
        ("account_number", {"account_number": "12345678", "ifsc": "HDFC0000123"}),
        ("account_number", {"account_number": "1" * 19, "ifsc": "HDFC0000123"}),
        ("account_number", {"account_number": "12345678A", "ifsc": "HDFC0000123"}),
        ("account_number", {"account_number": "0" * 9, "ifsc": "HDFC0000123"}),
        ("account_number", {"account_number": "1" * 35, "bic": "CHASUS33"}),
        ("account_number", {"account_number": "12<3", "bic": "CHASUS33"}),
        ("bic", {"account_number": "123", "bic": "CHASUS3"}),
        ("bic", {"account_number": "123", "bic": "CHASZZ33"}),
        ("bic", {"account_number": "123", "bic": "CHAS-US33"}),
        ("bic", {"iban": IBANS[0], "bic": "COBADEFFXX"}),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(field: str, typed: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_account("Asha", **typed)
    assert refused.value.field == field


@pytest.mark.parametrize("holder", ["", "  ", "a\x00b", "a\u202eb", "x" * 71, "..", "\ud800"])
def test_a_holder_is_what_a_bank_file_carries(holder: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_account(holder, iban=IBANS[0])
    assert refused.value.field == "holder"


@pytest.mark.parametrize("iban", IBANS)
def test_ibans_of_the_registry_are_taken(iban: str) -> None:
    assert parse_account("Asha", iban=iban).iban == iban


@given(st.sampled_from(IBANS), st.integers(2, 33), st.integers(1, 9))
def test_one_mistyped_digit_of_an_iban_is_always_found(iban: str, at: int, by: int) -> None:
    at = 2 + at % (len(iban) - 2)
    if not iban[at].isdigit():
        return
    wrong = iban[:at] + str((int(iban[at]) + by) % 10) + iban[at + 1 :]
    with pytest.raises(InvalidInput):
        parse_account("Asha", iban=wrong)


@given(st.from_regex(r"[0-9]{18}", fullmatch=True))
def test_check_digits_of_any_german_account_have_one_spelling(bban: str) -> None:
    """Of the hundred pairs of check digits exactly one is taken, though three leave the same remainder for some."""
    taken = []
    for digits in range(100):
        try:
            parse_account("Asha", iban=f"DE{digits:02}{bban}")
        except InvalidInput:
            continue
        taken.append(digits)
    assert len(taken) == 1
    assert 2 <= taken[0] <= 98


@given(st.text("0123456789ABCXYZ", min_size=1, max_size=34))
def test_a_masked_number_never_shows_more_than_half_or_four(number: str) -> None:
    shown = AccountNumber("Asha", account_number=number, bic="CHASUS33").masked().removeprefix("••••").strip()
    assert number.endswith(shown)
    assert len(shown) == min(4, len(number) // 2)


def test_masked_and_whole() -> None:
    account = parse_account("Asha", iban=IBANS[0])
    assert account.masked() == "•••• 3000"
    assert account.spaced() == "DE89 3704 0044 0532 0130 00"
