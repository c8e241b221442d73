"""What the QR codes say with which a purchaser pays: an Indian UPI address. (That of SEPA is segno's own.)"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote, urlencode

LONGEST_NOTE = 80
"""Signs of a reference that every app and bank passes on."""


def reference_for(loans: Sequence[str], otherwise: str) -> str:
    """The payment's reference: the loans' ids, by which their debts are paid; too many of them say `otherwise`, and the
    oldest due are paid first."""
    named = " ".join(loans)
    return named if len(named) <= LONGEST_NOTE else otherwise[:LONGEST_NOTE]


def upi_uri(address: str, *, name: str, amount: Decimal, note: str) -> str:
    """The address that a UPI app opens, with payee, amount in rupees and note."""
    parts = {"pa": address, "pn": name, "am": f"{amount:.2f}", "cu": "INR", "tn": note}
    return "upi://pay?" + urlencode(parts, quote_via=quote, safe="@")
