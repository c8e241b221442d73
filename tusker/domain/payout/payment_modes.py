"""How an Indian bank sends a payment: within the bank, by NEFT, RTGS or IMPS.

RTGS begins at ₹2,00,000 and IMPS ends at ₹5,00,000; NEFT takes any amount. All three run at every hour of every day
(NEFT since December 2019, RTGS since December 2020), so that no mode depends on the time. Source: Reserve Bank of India
and NPCI, limits for customers' payments.
"""

from typing import Literal

Mode = Literal["", "FT", "NEFT", "RTGS", "IMPS"]
"""`FT` is a transfer within the lender's own bank; empty where the payee's bank has no IFSC."""

RTGS_FROM = 2_00_000
IMPS_UP_TO = 5_00_000
"""Rupees."""
_BANK = 4
"""The letters of an IFSC that name the bank."""


def payment_mode(amount: int, exponent: int, *, payee_ifsc: str, own_ifsc: str, instant: bool) -> Mode:
    """The mode of a payment of `amount` minor units; with `instant` IMPS as far as it goes."""
    if not payee_ifsc:
        return ""
    if own_ifsc and payee_ifsc[:_BANK].upper() == own_ifsc[:_BANK].upper():
        return "FT"
    unit = 10**exponent
    if instant and amount <= IMPS_UP_TO * unit:
        return "IMPS"
    return "RTGS" if amount >= RTGS_FROM * unit else "NEFT"
