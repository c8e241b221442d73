"""Terms of a credit line, frozen onto each invoice at approval."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from tusker.domain.money import round_minor
from tusker.errors import InvalidInput
from tusker.messages import say


class DayCount(StrEnum):
    """How days and years are counted for interest."""

    ACT_365F = "ACT/365F"
    ACT_360 = "ACT/360"
    THIRTY_360 = "30/360"


class InterestMethod(StrEnum):
    """Simple interest, or the first pilot's daily compounding on a year of 360 days."""

    SIMPLE = "simple"
    DAILY_COMPOUND_360 = "daily_compound_360"


class InterestTiming(StrEnum):
    """When interest and fee are paid: with the repayment, or deducted from the payout."""

    ARREARS = "arrears"
    UPFRONT = "upfront"


class Collection(StrEnum):
    """How purchasers pay: what is owed on the loan, the rest going to the supplier directly; or the invoice's face
    value, of which the rest is passed on to the supplier."""

    DEBT = "debt"
    INVOICE = "invoice"


class DueConvention(StrEnum):
    """What becomes of a due date on which the bank is closed: it stays, or moves to the next working day, where
    `modified_following` does not leave the month and takes the last working day before instead (ISDA 2006, 4.12)."""

    NONE = "none"
    FOLLOWING = "following"
    MODIFIED_FOLLOWING = "modified_following"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is lent against an invoice and what it costs.

    Rates are fractions a year (0.18 is 18 %), `tenor_days` and `grace_days` are days. The fee is `fee_flat` (minor
    units) plus `fee_rate` (a fraction of the principal), at least `fee_min` and at most `fee_max` if that is set.
    `recourse_days` past due the debt turns to the supplier; None means without recourse.
    """

    advance_rate: Decimal
    apr: Decimal
    tenor_days: int
    day_count: DayCount = DayCount.ACT_365F
    interest_method: InterestMethod = InterestMethod.SIMPLE
    fee_flat: int = 0
    fee_rate: Decimal = Decimal(0)
    grace_days: int = 0
    penal_rate: Decimal = Decimal(0)
    interest_timing: InterestTiming = InterestTiming.ARREARS
    fee_min: int = 0
    fee_max: int | None = None
    recourse_days: int | None = None
    due_convention: DueConvention = DueConvention.NONE
    collection: Collection = Collection.DEBT

    def __post_init__(self) -> None:
        if not Decimal(0) < self.advance_rate <= 1:
            raise InvalidInput("The advance rate must be over 0 % and at most 100 %.", field="advance_rate")
        for name, label in (("apr", "APR"), ("penal_rate", say("penal rate"))):
            if not Decimal(0) <= getattr(self, name) <= 1:
                raise InvalidInput("The {label} must be from 0 % to 100 %.", label=label, field=name)
        if not 1 <= self.tenor_days <= 730:
            raise InvalidInput("The tenor must be from 1 to 730 days.", field="tenor_days")
        if self.fee_flat < 0:
            raise InvalidInput("The fee must not be negative.", field="fee_flat")
        if not Decimal(0) <= self.fee_rate <= Decimal("0.2"):
            raise InvalidInput("The percentage fee must be from 0 % to 20 %.", field="fee_rate")
        if not 0 <= self.grace_days <= 90:
            raise InvalidInput("The grace period must be from 0 to 90 days.", field="grace_days")
        if self.fee_min < 0:
            raise InvalidInput("The minimum fee must not be negative.", field="fee_min")
        if self.fee_max is not None and self.fee_max < self.fee_min:
            raise InvalidInput("The maximum fee must not be below the minimum fee.", field="fee_max")
        if self.recourse_days is not None and not 0 <= self.recourse_days <= 365:
            raise InvalidInput("Recourse must start from 0 to 365 days past due.", field="recourse_days")

    def principal_of(self, invoice_value: int) -> int:
        """Principal in minor units: advance rate × invoice value, rounded once."""
        return round_minor(self.advance_rate * invoice_value)

    def largest_within(self, principal: int) -> int:
        """The largest invoice value whose principal is not above this one, in minor units."""
        value = int((principal + Decimal("0.5")) / self.advance_rate)
        while self.principal_of(value) > principal:
            value -= 1
        return value

    def fee_of(self, principal: int) -> int:
        """Fee in minor units: flat part plus percentage, rounded once, then held between minimum and maximum."""
        fee = max(self.fee_min, self.fee_flat + round_minor(self.fee_rate * principal))
        return fee if self.fee_max is None else min(fee, self.fee_max)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From values by column name, in which codes may be plain texts."""
        codes = {name: kind(values[name]) for name, kind in _CODES.items()}
        return cls(**{**values, **codes})

    def as_dict(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


_CODES = {
    "day_count": DayCount,
    "interest_method": InterestMethod,
    "interest_timing": InterestTiming,
    "due_convention": DueConvention,
    "collection": Collection,
}
TERM_FIELDS = tuple(f.name for f in fields(Terms))
"""Names of the columns that terms have on suppliers, credit lines and invoices."""
