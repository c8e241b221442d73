"""Bank details and the form that they are typed into."""

from __future__ import annotations

from collections.abc import Callable

from tusker.domain.accounts import AccountNumber, parse_account

OLD = parse_account("Asha Textiles", account_number="50100012345678", ifsc="HDFC0000123")
NEW = parse_account("Asha Textiles", iban="DE89370400440532013000", bic="COBADEFFXXX")
WHOLE = ("50100012345678", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00")
Run = Callable[..., tuple[int, str]]


def typed(account: AccountNumber = NEW, **changes: str) -> dict[str, str]:
    """The form as a browser sends it."""
    names = ("holder", "iban", "account_number", "ifsc", "bic")
    return {name: getattr(account, name) or "" for name in names} | changes
