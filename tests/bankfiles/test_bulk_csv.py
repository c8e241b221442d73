"""Payment orders as CSV with the columns that a bank wants, and the lender's own account."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

import config
from tests.support.payment_orders import GERMAN, INDIAN, LENDER, order_of
from tests.support.values import PRODUCTION
from tusker.bankfiles.payments.bulk_csv import parse_profile, write_bulk_csv
from tusker.bankfiles.payments.orders import lender_account
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder
from tusker.domain.payout.payment_modes import payment_mode
from tusker.errors import InvalidInput

PROFILE = (
    """Beneficiary Name=holder,"Account, No.=account",IFSC=bank,Amount=amount,Ref=reference,Mode='NEFT'"""
)


def _rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def test_columns_as_configured(order: PaymentOrder) -> None:
    assert _rows(write_bulk_csv(order, PROFILE, 2)) == [
        ["Beneficiary Name", "Account, No.", "IFSC", "Amount", "Ref", "Mode"],
        ["Muller + Sohne GmbH", "DE89370400440532013000", "", "12500.50", "PAY-7-1", "NEFT"],
        ["mumbai tredars", "50100012345678", "HDFC0000123", "0.99", "PAY-7-2", "NEFT"],
    ]


def test_the_default_columns_do(order: PaymentOrder) -> None:
    header, first, _ = _rows(write_bulk_csv(order, config.BANK_CSV_COLUMNS, 2))
    assert len(header) == len(first) == 8


@pytest.mark.parametrize(("exponent", "shown"), [(0, "1250050"), (2, "12500.50"), (3, "1250.050")])
def test_amounts_have_the_decimals_of_the_currency(order: PaymentOrder, exponent: int, shown: str) -> None:
    assert _rows(write_bulk_csv(order, PROFILE, exponent))[1][3] == shown


def test_no_cell_is_run_by_a_spreadsheet() -> None:
    payee = replace(INDIAN, holder="=cmd()|' A0", account_number="-5")
    made = order_of(CreditTransfer("+1", payee, 1, "&c"))
    header, row = _rows(
        write_bulk_csv(made, "=x=holder,A=account,B=bank,C=amount,@r=reference,R=remittance", 2)
    )
    assert header == ["'=x", "A", "B", "C", "'@r", "R"]
    assert row == ["cmd() ' A0", "'-5", "HDFC0000123", "0.01", "'+1", "'+c"]


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("", "names no column"),
        ("Name", "“Name” is not Header=field"),
        ("=holder", "is not Header=field"),
        ("Name=owner", "“owner” is unknown; a column holds one of number, holder"),
        ("Name=holder,Amount=amount", "must have columns for an account"),
        ("A=account,Amount=amount", "and the reference"),
        (
            "A=account_number,B=bank,Amount=amount,R=reference",
            "no column for the IBAN of the payee of PAY-7-1",
        ),
        ("A=account,Amount=amount,R=reference", "no column for the bank of the payee of PAY-7-2"),
    ],
)
def test_a_wrong_profile_names_the_variable(order: PaymentOrder, profile: str, words: str) -> None:
    with pytest.raises(InvalidInput, match="BANK_CSV_COLUMNS") as refused:
        write_bulk_csv(order, profile, 2)
    assert words in refused.value.message


def test_the_file_of_a_known_bank() -> None:
    payee = replace(INDIAN, holder="Shree Ganesh & Sons Enterprises (India) Private Limited")
    made = order_of(
        CreditTransfer("P-7-1", payee, 12_50_050, "INV-1", "NEFT"),
        CreditTransfer("P-7-2", payee, 3_00_000_00, "INV-2", "RTGS"),
        CreditTransfer("P-7-3", payee, 50_000_00, "INV-3", "IMPS"),
    )
    rows = _rows(write_bulk_csv(made, "HDFC", 2))
    assert [len(row) for row in rows] == [28] * 3
    name = "Shree Ganesh Sons Enterprises India"
    assert rows[0][:5] == ["N", "", "50100012345678", "12500.50", name]
    assert (rows[0][13], rows[0][22], rows[0][24]) == ("P-7-1", "03/03/2026", "HDFC0000123")
    assert [row[0] for row in rows] == ["N", "R", "N"]  # its file has no IMPS
    header, first, *_ = _rows(write_bulk_csv(made, "icici", 2))
    assert header[:3] == ["PYMT_PROD_TYPE_CODE", "PYMT_MODE", "DEBIT_ACC_NO"]
    assert first[:3] == ["PAB_VENDOR", "NEFT", "000111222333"]
    assert (first[12], first[13]) == ("03-03-2026", "P-7-1")
    header, first, second, third = _rows(write_bulk_csv(made, "idfc", 2))
    assert len(header) == len(first) == 15
    assert first[1:5] == ["50100012345678", "HDFC0000123", "NEFT", "000111222333"]
    assert first[5:8] == ["03/03/2026", "12500.50", "INR"]
    assert (first[9], second[3], third[3]) == ("P-7-1", "RTGS", "NEFT")
    header, first, second, _ = _rows(write_bulk_csv(made, "axis", 2))
    assert header[0] == "Payment Method Name"
    assert len(header) == len(first) == 11
    assert first[:3] == ["N", "12500.50", "03/03/2026"]
    assert (first[4], *first[7:], second[0]) == (
        *("50100012345678", "000111222333", "P-7-1", "HDFC0000123", "11"),
        "R",
    )
    with pytest.raises(InvalidInput, match="no column for the IBAN"):
        write_bulk_csv(order_of(CreditTransfer("P-7-1", GERMAN, 1, "x")), "icici", 2)


@pytest.mark.parametrize(
    ("amount", "ifsc", "instant", "mode"),
    [
        (1_99_999_99, "HDFC0000123", False, "NEFT"),
        (2_00_000_00, "HDFC0000123", False, "RTGS"),
        (1_00, "HDFC0000123", True, "IMPS"),
        (5_00_000_00, "HDFC0000123", True, "IMPS"),
        (5_00_000_01, "HDFC0000123", True, "RTGS"),
        (9_00_000_00, "DEMO0000999", True, "FT"),
        (1_00, "", True, ""),
    ],
)
def test_the_mode_of_a_payment(amount: int, ifsc: str, instant: bool, mode: str) -> None:
    found = payment_mode(amount, 2, payee_ifsc=ifsc, own_ifsc="DEMO0000001", instant=instant)
    assert found == mode


def test_words_and_fields_are_told_apart() -> None:
    parsed = parse_profile("A=account, B=bank, Amount=amount, R=reference, T='amount', N=''")
    assert [(c.header, c.field, c.words) for c in parsed[-2:]] == [("T", None, "amount"), ("N", None, "")]


def _config(**changes: str) -> dict[str, object]:
    return config.load({**PRODUCTION, "ENVIRONMENT": "DEVELOPMENT", "LENDER_NAME": "Lend Ltd", **changes})


def test_outside_production_there_is_a_demo_account() -> None:
    account = lender_account(_config())
    assert account == replace(LENDER, holder="Lend Ltd")


def test_printed_forms_are_taken() -> None:
    account = lender_account(_config(ENVIRONMENT="PRODUCTION", LENDER_IBAN="de89 3704 0044 0532 0130 00"))
    assert account.iban == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "LENDER_IBAN or LENDER_ACCOUNT_NUMBER is not set"),
        ({"LENDER_BIC": "DEUTDEFF"}, "LENDER_IBAN or LENDER_ACCOUNT_NUMBER is not set"),
        ({"LENDER_ACCOUNT_NUMBER": "1"}, "LENDER_IFSC or LENDER_BIC is not set"),
        ({"LENDER_ACCOUNT_NUMBER": "1", "LENDER_IBAN": "DE89370400440532013000"}, "not both"),
        ({"LENDER_IBAN": "89"}, "The IBAN of the lender is not one"),
    ],
)
def test_in_production_a_missing_account_is_named(env: dict[str, str], words: str) -> None:
    loaded = _config(ENVIRONMENT="PRODUCTION", **env)
    with pytest.raises(InvalidInput, match=words):
        lender_account(loaded)


def test_an_unknown_version_stops_the_start() -> None:
    with pytest.raises(config.ConfigError, match="PAIN_VERSION is '08'; it must be 09 or 03"):
        _config(PAIN_VERSION="08")
