"""Payment orders as CSV for banks that take bulk files: columns by configuration, or those of a known bank."""

import re
from io import StringIO

from tusker.bankfiles.payments.bulk_profiles import PROFILES, BulkProfile, Column
from tusker.bankfiles.payments.orders import check_order
from tusker.bankfiles.texts import bank_name, bank_text, named_columns
from tusker.csv.cells import SafeWriter
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder
from tusker.domain.money import to_major
from tusker.errors import InvalidInput
from tusker.messages import say

VARIABLE = "BANK_CSV_COLUMNS"
NEVER_CHANGED = frozenset({"amount", "reference", "message_id", "execution_date", "mode"})
"""Fields that are written as they are for a bank that takes only letters and digits in the others."""
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ]")
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
    "mode",
    "message_id",
    "debtor_holder",
    "debtor_account",
    "debtor_bank",
)
"""What a column may hold. `number` counts the rows from 1; `account` is the IBAN or the account number, `bank` the
IFSC or the BIC, whichever there is; `mode` is FT, NEFT, RTGS or IMPS."""


def profile_of(text: str) -> BulkProfile:
    """The profile of a bank by its name, or one whose columns are written out; see `parse_profile`."""
    known = PROFILES.get(text.strip().lower())
    return known if known is not None else BulkProfile(parse_profile(text))


def parse_profile(text: str) -> tuple[Column, ...]:
    """Read `Beneficiary Name=holder,Account=account,Type='NEFT'`, see `named_columns`: each holds one of `FIELDS` or
    words in single quotes."""
    columns: list[Column] = []
    for header, value in named_columns(text, VARIABLE):
        if len(value) >= 2 and value.startswith("'") and value.endswith("'"):
            columns.append(Column(header, None, value[1:-1]))
        elif value in FIELDS:
            columns.append(Column(header, value))
        else:
            raise InvalidInput(
                "{variable}: “{value}” is unknown; a column holds one of {fields}, or words in "
                "single quotes.",
                variable=VARIABLE,
                value=value[:40],
                fields=", ".join(FIELDS),
                field=VARIABLE,
            )
    if not columns:
        raise InvalidInput("{variable} names no column.", variable=VARIABLE, field=VARIABLE)
    held = {column.field for column in columns}
    if not {"amount", "reference"} <= held or not held & {"account", "iban", "account_number"}:
        raise InvalidInput(
            "{variable} must have columns for an account, the amount and the reference.",
            variable=VARIABLE,
            field=VARIABLE,
        )
    return tuple(columns)


def write_bulk_csv(order: PaymentOrder, profile: str, exponent: int) -> bytes:
    """The order as UTF-8 CSV by `profile` (see `profile_of`), one transfer a row.

    `exponent` is the number of decimals of the currency. Raises `InvalidInput` naming the field for an order that a
    bank would refuse, for one whose accounts the profile has no column for, and for a wrong profile.
    """
    chosen = profile_of(profile)
    check_order(order)
    out = StringIO()
    writer = SafeWriter(out)
    if chosen.has_head:
        writer.writerow(column.header for column in chosen.columns)
    for number, transfer in enumerate(order.transfers, 1):
        values = _values(order, transfer, number, exponent, chosen)
        _check_account_shown(chosen.columns, transfer)
        writer.writerow(_cell(column, values, chosen) for column in chosen.columns)
    return out.getvalue().encode("utf-8")


def _cell(column: Column, values: dict[str, str], profile: BulkProfile) -> str:
    if column.field is None:
        return column.words
    value = values[column.field]
    if not profile.plain or column.field in NEVER_CHANGED:
        return value
    return " ".join(_NOT_PLAIN.sub(" ", value).split())


def _values(
    order: PaymentOrder, transfer: CreditTransfer, number: int, exponent: int, profile: BulkProfile
) -> dict[str, str]:
    payee, debtor = transfer.creditor, order.debtor
    whose, longest = say("the payee of {reference}", reference=transfer.reference), profile.longest_name
    return {
        "number": str(number),
        "holder": bank_name(payee.holder, longest=longest, field="creditor", whose=whose),
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
        "execution_date": order.execution_date.strftime(profile.days),
        "mode": profile.mode(transfer.mode),
        "message_id": order.message_id,
        "debtor_holder": bank_name(debtor.holder, longest=longest, field="debtor", whose=say("the lender")),
        "debtor_account": debtor.iban or debtor.account_number or "",
        "debtor_bank": debtor.ifsc or debtor.bic or "",
    }


def _check_account_shown(columns: tuple[Column, ...], transfer: CreditTransfer) -> None:
    """Without this check a profile for account numbers only would write a row without an account for a payee with an
    IBAN."""
    held = {column.field for column in columns}
    needed = "iban" if transfer.creditor.iban is not None else "account_number"
    if not held & {needed, "account"}:
        raise InvalidInput(
            "{variable} has no column for the {what} of the payee of {reference}.",
            variable=VARIABLE,
            what="IBAN" if needed == "iban" else say("account number"),
            reference=transfer.reference,
            field=VARIABLE,
        )
    banks = {"bank"} | {name for name in ("ifsc", "bic") if getattr(transfer.creditor, name) is not None}
    if needed == "account_number" and not held & banks:
        raise InvalidInput(
            "{variable} has no column for the bank of the payee of {reference}.",
            variable=VARIABLE,
            reference=transfer.reference,
            field=VARIABLE,
        )
