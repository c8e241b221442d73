"""Payment orders as CSV for banks that take bulk files; which columns a bank wants is configuration."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO

from tusker.bankfiles.orders import check_order
from tusker.bankfiles.texts import bank_name, bank_text
from tusker.csv_cells import SafeWriter
from tusker.domain.banking import CreditTransfer, PaymentOrder
from tusker.domain.money import to_major
from tusker.errors import InvalidInput

VARIABLE = "BANK_CSV_COLUMNS"
FIELDS = (
    "number",
    "holder",
    "account",
    "iban",
    "account_number",
    "bank",
    "ifsc",
    "bic",
    "amount",
    "currency",
    "reference",
    "remittance",
    "execution_date",
    "message_id",
    "debtor_holder",
    "debtor_account",
    "debtor_bank",
)
"""What a column may hold. `number` counts the rows from 1; `account` is the IBAN or the account number, `bank` the
IFSC or the BIC, whichever there is."""


@dataclass(frozen=True, slots=True)
class Column:
    """A header and what stands below it: a field, or the same words in every row."""

    header: str
    field: str | None
    words: str = ""


def parse_profile(text: str) -> tuple[Column, ...]:
    """Read `Beneficiary Name=holder,Account=account,Type='NEFT'`: header, equals, one of `FIELDS` or words in single
    quotes. A part with a comma in it stands in double quotes.

    Raises `InvalidInput` naming the variable, and the part that is wrong.
    """
    columns: list[Column] = []
    for part in next(csv.reader([text], skipinitialspace=True), []):
        header, equals, value = (piece.strip() for piece in part.rpartition("="))
        if not equals or not header:
            raise InvalidInput(f"{VARIABLE}: “{part.strip()[:60]}” is not Header=field.", field=VARIABLE)
        if len(value) >= 2 and value.startswith("'") and value.endswith("'"):
            columns.append(Column(header, None, value[1:-1]))
        elif value in FIELDS:
            columns.append(Column(header, value))
        else:
            raise InvalidInput(
                f"{VARIABLE}: “{value[:40]}” is unknown; a column holds one of {', '.join(FIELDS)},"
                " or words in single quotes.",
                field=VARIABLE,
            )
    if not columns:
        raise InvalidInput(f"{VARIABLE} names no column.", field=VARIABLE)
    held = {column.field for column in columns}
    if not {"amount", "reference"} <= held or not held & {"account", "iban", "account_number"}:
        raise InvalidInput(
            f"{VARIABLE} must have columns for an account, the amount and the reference.", field=VARIABLE
        )
    return tuple(columns)


def write_bulk_csv(order: PaymentOrder, profile: str, exponent: int) -> bytes:
    """The order as UTF-8 CSV with the columns of `profile` (see `parse_profile`), one transfer a row.

    `exponent` is the number of decimals of the currency. Raises `InvalidInput` naming the field for an order that a
    bank would refuse, for one whose accounts the profile has no column for, and for a wrong profile.
    """
    columns = parse_profile(profile)
    check_order(order)
    out = StringIO()
    writer = SafeWriter(out)
    writer.writerow(column.header for column in columns)
    for number, transfer in enumerate(order.transfers, 1):
        values = _values(order, transfer, number, exponent)
        _check_account_shown(columns, transfer)
        writer.writerow(values[column.field] if column.field else column.words for column in columns)
    return out.getvalue().encode("utf-8")


def _values(order: PaymentOrder, transfer: CreditTransfer, number: int, exponent: int) -> dict[str, str]:
    payee, debtor = transfer.creditor, order.debtor
    whose = f"the payee of {transfer.reference}"
    return {
        "number": str(number),
        "holder": bank_name(payee.holder, longest=140, field="creditor", whose=whose),
        "account": payee.iban or payee.account_number or "",
        "iban": payee.iban or "",
        "account_number": payee.account_number or "",
        "bank": payee.ifsc or payee.bic or "",
        "ifsc": payee.ifsc or "",
        "bic": payee.bic or "",
        "amount": f"{to_major(transfer.amount, exponent):.{exponent}f}",
        "currency": order.currency,
        "reference": transfer.reference,
        "remittance": bank_text(transfer.remittance),
        "execution_date": order.execution_date.isoformat(),
        "message_id": order.message_id,
        "debtor_holder": bank_name(debtor.holder, longest=140, field="debtor", whose="the lender"),
        "debtor_account": debtor.iban or debtor.account_number or "",
        "debtor_bank": debtor.ifsc or debtor.bic or "",
    }


def _check_account_shown(columns: tuple[Column, ...], transfer: CreditTransfer) -> None:
    """A profile for account numbers only would write a row without an account for a payee with an IBAN."""
    held = {column.field for column in columns}
    needed = "iban" if transfer.creditor.iban is not None else "account_number"
    if not held & {needed, "account"}:
        raise InvalidInput(
            f"{VARIABLE} has no column for the {'IBAN' if needed == 'iban' else 'account number'}"
            f" of the payee of {transfer.reference}.",
            field=VARIABLE,
        )
    banks = {"bank"} | {name for name in ("ifsc", "bic") if getattr(transfer.creditor, name) is not None}
    if needed == "account_number" and not held & banks:
        raise InvalidInput(
            f"{VARIABLE} has no column for the bank of the payee of {transfer.reference}.", field=VARIABLE
        )
