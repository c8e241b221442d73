"""What narrations of Indian banks say of a payment, and what is only the payer's own text."""

from __future__ import annotations

import pytest

from tusker.domain.bank.narrations import (
    NOTHING,
    Narration,
    bank_numbers,
    named_in,
    read_narration,
)


@pytest.mark.parametrize(
    ("text", "reference", "party", "account"),
    [
        ("NEFT CR-BANK0000001-ACME LTD-INV 1001-N123456789012", "N123456789012", "ACME LTD", ""),
        ("NEFT CR-BANK0000001-ACME LTD-INV 1001-BANKN52026030212", "BANKN52026030212", "ACME LTD", ""),
        ("BY TRANSFER-NEFT*BANK0000001*BANKN52026030212*ACME LTD--", "BANKN52026030212", "ACME LTD", ""),
        ("RTGS/BANKR52026030212345678/ACME LTD/BANK/INV 7", "BANKR52026030212345678", "ACME LTD", ""),
        ("IMPS-612345678901-ACME LTD-BANK-XXXX1234-text", "612345678901", "ACME LTD", "XXXX1234"),
        ("MMT/IMPS/612345678901/ACME LTD/BANK", "612345678901", "ACME LTD", ""),
        ("UPI/612345678901/ACME LTD/BANK/INV 7", "612345678901", "ACME LTD", ""),
        ("UPI/CR/612345678901/ACME LTD/BANK", "612345678901", "ACME LTD", ""),
        (
            "NEFT-N123456789012345-ACME LTD-50100012345678-BANK0000001",
            "N123456789012345",
            "ACME LTD",
            "50100012345678",
        ),
        ("NACH/612345678901/X", "", "", "612345678901"),
    ],
)
def test_the_parts_of_a_narration(text: str, reference: str, party: str, account: str) -> None:
    assert read_narration(text) == Narration(reference, party, account)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "NEFT ACME-1001",
        "NEFT/Acme Ltd/INV 7",
        "NEFT DR-P-7-1-SUPPLIER",
        "Invoice N123456789012",
        "RTGS",
        "UPI-",
    ],
)
def test_what_the_bank_did_not_place_says_nothing(text: str) -> None:
    assert read_narration(text) == NOTHING


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("NEFT DR-P-1-7-SUPPLIER", ["P-1-7"]),
        ("P 12 34", ["P-12-34"]),
        ("paid p/1/7 and P-1-12", ["P-1-7", "P-1-12"]),
        ("GRP-1-7", []),
        ("P-1-7-1", []),
        ("P-1-77X", []),
        ("P-1", []),
    ],
)
def test_payouts_are_named_as_whole_ids(text: str, names: list[str]) -> None:
    assert list(named_in(text).payouts) == names


def test_disbursals_and_numbers_of_banks() -> None:
    assert list(named_in("BULK D-20260302-1/ID-20260302-2").disbursals) == ["D-20260302-1"]
    text = "RTN BANKN52026030212 612345678901 123456789012345 BANKR52026030212345678 ACMELIMITED"
    assert list(bank_numbers(text)) == ["BANKN52026030212", "612345678901", "BANKR52026030212345678"]
