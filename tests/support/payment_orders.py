"""Orders for the bank, and the schemas that judge them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import xmlschema

from tusker.domain.accounts import AccountNumber
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder

ISO20022 = Path(__file__).parents[1] / "fixtures" / "iso20022"
CASES = Path(__file__).parents[1] / "fixtures" / "cases"
LENDER = AccountNumber("Tusker Finance", account_number="000111222333", ifsc="DEMO0000001")
GERMAN = AccountNumber("Müller & Söhne GmbH", iban="DE89370400440532013000")
INDIAN = AccountNumber("मुंबई ट्रेडर्स", account_number="50100012345678", ifsc="HDFC0000123")


@cache
def schema_of(name: str) -> xmlschema.XMLSchema:
    """The schema of a message, read once."""
    return xmlschema.XMLSchema(str(ISO20022 / f"{name}.xsd"))


def order_of(*transfers: CreditTransfer, debtor: AccountNumber = LENDER, **changes: object) -> PaymentOrder:
    """An order of these transfers."""
    values: dict[str, object] = {
        "message_id": "DIS-2026-0007",
        "created_at": datetime(2026, 3, 2, 11, 30, 5, 123456, tzinfo=UTC),
        "execution_date": date(2026, 3, 3),
        "debtor": debtor,
        "initiator": "Tusker Finance",
        "currency": "INR",
        "transfers": transfers,
    }
    return PaymentOrder(**(values | changes))  # type: ignore[arg-type]
