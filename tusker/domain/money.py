"""Money as integers in the currency's minor unit; `Decimal` only inside a calculation."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from tusker.domain.texts import latin_digits
from tusker.errors import InvalidInput
from tusker.messages import say

MAX_AMOUNT = 10**15
"""Largest amount taken as input, in minor units: far above any invoice, far below BIGINT."""

_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]+)?")


def round_minor(amount: Decimal) -> int:
    """Round an exact amount in minor units half-even to an integer. The one rounding of money in Tusker."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def parse_amount(
    text: str, *, exponent: int, field: str, symbols: tuple[str, ...] = (), allow_zero: bool = False
) -> int:
    """Read an amount in major units as a person or a file wrote it and return minor units.

    `exponent` is the number of decimals of the currency; `symbols` are the currency's own sign and code,
    which may stand before or after the figure. Thousands separators are commas (1,234.50 or 12,34,567.00).
    Raises `InvalidInput` naming `field` for anything else: another currency's sign, a minus,
    more decimals than the currency has, zero (unless `allow_zero`), or more than `MAX_AMOUNT`.
    """
    cleaned = latin_digits(text).strip()
    for symbol in symbols:
        if cleaned.startswith(symbol):
            cleaned = cleaned.removeprefix(symbol).strip()
            break
        if cleaned.endswith(symbol):
            cleaned = cleaned.removesuffix(symbol).strip()
            break
    if not cleaned:
        raise InvalidInput("Enter an amount.", field=field)
    if cleaned.startswith(("-", "\N{MINUS SIGN}", "(")):
        raise InvalidInput("The amount must not be negative.", field=field)
    if not cleaned.isascii() or not (_PLAIN.fullmatch(cleaned) or _GROUPED.fullmatch(cleaned)):
        typed = text.strip()[:40]
        wrong = say("“{typed}” is not an amount, such as 1250.00.", typed=typed)
        if symbols:
            wrong = say(
                "“{typed}” is not an amount in {currency}, such as 1250.00.", typed=typed, currency=symbols[0]
            )
        raise InvalidInput(wrong, field=field)
    value = Decimal(cleaned.replace(",", "")).scaleb(exponent)
    if value != value.to_integral_value():
        raise InvalidInput("The amount may have at most {exponent} decimals.", exponent=exponent, field=field)
    if value > MAX_AMOUNT:
        raise InvalidInput("The amount is too large.", field=field)
    if value == 0 and not allow_zero:
        raise InvalidInput("The amount must be more than zero.", field=field)
    return int(value)


def to_major(amount: int, exponent: int) -> Decimal:
    """Minor units as an exact decimal in major units, for display and export (1250 → 12.50)."""
    return Decimal(amount).scaleb(-exponent)
