"""The installation's one currency: reading amounts that people write and writing amounts for people."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.core import Locale
from babel.numbers import NumberPattern, format_compact_currency, get_currency_symbol, parse_pattern
from flask import current_app

from tusker.domain.currencies import decimals_of
from tusker.domain.money import parse_amount, to_major


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 code and the locale in which its amounts are shown."""

    code: str
    locale: str

    @property
    def exponent(self) -> int:
        """Decimals of the currency: 2 for INR, 0 for JPY."""
        return decimals_of(self.code)

    @property
    def symbol(self) -> str:
        """The sign shown with amounts."""
        return get_currency_symbol(self.code, locale=self.locale)

    def parse(self, text: str, *, field: str, allow_zero: bool = False) -> int:
        """Minor units of an amount as a person wrote it; raises `InvalidInput` naming `field`."""
        return parse_amount(
            text,
            exponent=self.exponent,
            field=field,
            symbols=(self.symbol, self.code),
            allow_zero=allow_zero,
        )

    def major(self, amount: int) -> Decimal:
        """Minor units as an exact decimal in major units."""
        return to_major(amount, self.exponent)

    def minor(self, amount: Decimal) -> int:
        """A configured decimal in major units as minor units."""
        return int(amount.scaleb(self.exponent))

    def plain(self, amount: int) -> str:
        """The amount without sign and separators, for input fields and files."""
        return f"{self.major(amount):.{self.exponent}f}"

    def show(self, amount: int) -> str:
        """The amount for people, such as ₹1,25,000.00."""
        pattern, locale = _pattern(self)
        shown: str = pattern.apply(self.major(amount), locale)
        return shown

    def short(self, amount: int) -> str:
        """The amount in a few signs, such as ₹1.5L or $150K, as the locale shortens it."""
        return format_compact_currency(self.major(amount), self.code, locale=self.locale, fraction_digits=2)


@cache
def _pattern(money: Currency) -> tuple[NumberPattern, Locale]:
    """How the locale writes amounts, with the decimals of the currency instead of those that it usually shows.

    The sign stands in it already: Babel would look for the currency's name as well with each amount.
    """
    locale = Locale.parse(money.locale)
    pattern = parse_pattern(locale.currency_formats["standard"].pattern)
    pattern.frac_prec = (money.exponent, money.exponent)
    (before, before_minus), (after, after_minus) = pattern.prefix, pattern.suffix
    pattern.prefix = before.replace("¤", money.symbol), before_minus.replace("¤", money.symbol)
    pattern.suffix = after.replace("¤", money.symbol), after_minus.replace("¤", money.symbol)
    return pattern, locale


def currency() -> Currency:
    """The current app's currency."""
    configured: Currency = current_app.extensions["tusker_currency"]
    return configured
