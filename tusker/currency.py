"""The installation's one currency: reading amounts that people write and writing amounts for people."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from babel.core import Locale
from babel.numbers import (
    NumberPattern,
    format_compact_currency,
    get_currency_symbol,
    get_decimal_symbol,
    get_group_symbol,
    parse_pattern,
)
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
        return _symbol(self)

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
        form = _form(self)
        before, after = form.negative if amount < 0 else form.positive
        digits = str(abs(amount)).zfill(self.exponent + 1)
        end = len(digits) - self.exponent
        whole, first = digits[:end], form.groups[0]
        if len(whole) > first:
            rest, size = whole[:-first], form.groups[1]
            parts = [rest[max(0, i - size) : i] for i in range(len(rest), 0, -size)]
            whole = form.separator.join((*parts[::-1], whole[-first:]))
        return f"{before}{whole}{form.point}{digits[end:]}{after}"

    def short(self, amount: int) -> str:
        """The amount in a few signs, such as ₹1.5L or $150K, as the locale shortens it."""
        return format_compact_currency(self.major(amount), self.code, locale=self.locale, fraction_digits=2)


@dataclass(frozen=True, slots=True)
class _Form:
    """How amounts are written: what stands before and after them, and sizes of groups of digits from the right."""

    positive: tuple[str, str]
    negative: tuple[str, str]
    groups: tuple[int, int]
    separator: str
    point: str


@cache
def _symbol(money: Currency) -> str:
    return get_currency_symbol(money.code, locale=money.locale)


@cache
def _form(money: Currency) -> _Form:
    """The form that Babel gives to amounts, taken from what it writes: to ask it for each amount is slow."""
    pattern, locale = _pattern(money)
    least = Decimal(1).scaleb(-money.exponent)
    point = get_decimal_symbol(locale) if money.exponent else ""
    body = f"0{point}{'1'.zfill(money.exponent)}" if money.exponent else "1"
    (before, after), (before_minus, after_minus) = (
        pattern.apply(amount, locale).split(body) for amount in (least, -least)
    )
    groups = pattern.grouping[0], pattern.grouping[1]
    return _Form((before, after), (before_minus, after_minus), groups, get_group_symbol(locale), point)


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
    configured: Currency = current_app.extensions["tusker_currency"]
    return configured
