"""A bank account that money goes to or comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountNumber:
    """An IBAN, or an account number with the IFSC or BIC of its bank."""

    holder: str
    iban: str | None = None
    account_number: str | None = None
    ifsc: str | None = None
    bic: str | None = None
