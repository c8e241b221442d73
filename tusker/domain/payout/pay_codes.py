"""What the QR codes say with which a purchaser pays: an Indian UPI address. (That of SEPA is segno's own.)"""

from collections.abc import Sequence
from decimal import Decimal
from urllib.parse import quote, urlencode

LONGEST_NOTE = 80
"""Signs of a reference that banks pass on with a transfer."""
UPI_MOST, UPI_NOTE = Decimal(100_000), 50
"""The highest amount in rupees, and the longest note, that UPI apps usually take for an address that is no registered
merchant's."""


def reference_for(loans: Sequence[str], otherwise: str) -> tuple[str, bool]:
    """The payment's reference, and whether it names the loans, by which their debts are paid; where their ids are too
    long it is `otherwise`, and the oldest due are paid first."""
    named = " ".join(loans)
    return (named, True) if len(named) <= LONGEST_NOTE else (otherwise[:LONGEST_NOTE], False)


def fits_upi(amount: Decimal, note: str) -> bool:
    """Whether apps take a payment of so many rupees with this note."""
    return amount <= UPI_MOST and len(note) <= UPI_NOTE


def upi_uri(address: str, *, name: str, amount: Decimal, note: str) -> str:
    """The address that a UPI app opens, with payee, amount in rupees and note."""
    parts = {"pa": address, "pn": name, "am": f"{amount:.2f}", "cu": "INR", "tn": note}
    return "upi://pay?" + urlencode(parts, quote_via=quote, safe="@")
