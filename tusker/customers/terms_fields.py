"""The fields of terms, which forms of companies and of credit lines share."""

from decimal import Decimal

from tusker.domain.terms import (
    TERM_FIELDS,
    Collection,
    DayCount,
    DueConvention,
    InterestMethod,
    InterestTiming,
    Terms,
)
from tusker.messages import say
from tusker.web.forms.fields import ChoiceField, CountField, MoneyField, PercentField
from tusker.web.forms.form import Form

DEFAULT_TERMS = Terms(
    advance_rate=Decimal("0.8"),
    apr=Decimal("0.18"),
    tenor_days=90,
    fee_flat=0,
    fee_rate=Decimal("0.005"),
    grace_days=3,
    penal_rate=Decimal("0.06"),
)
"""The terms that the form of a new supplier starts with."""
_DAY_COUNTS = [
    (DayCount.ACT_365F.value, say("Actual / 365 (fixed)")),
    (DayCount.ACT_360.value, say("Actual / 360")),
    (DayCount.THIRTY_360.value, "30 / 360"),
]
_METHODS = [
    (InterestMethod.SIMPLE.value, say("Simple")),
    (InterestMethod.DAILY_COMPOUND_360.value, say("Compounded daily, year of 360 days")),
]
_TIMINGS = [
    (InterestTiming.ARREARS.value, say("With the repayment")),
    (InterestTiming.UPFRONT.value, say("Deducted from the payout")),
]
_CONVENTIONS = [
    (DueConvention.NONE.value, say("Stays as it is")),
    (DueConvention.FOLLOWING.value, say("Moves to the next working day")),
    (
        DueConvention.MODIFIED_FOLLOWING.value,
        say("Moves to the next working day within the month, else the one before"),
    ),
]
_COLLECTIONS = [(Collection.DEBT.value, say("The debt")), (Collection.INVOICE.value, say("The invoice"))]


class TermsFields(Form):
    """The terms of a supplier or a credit line."""

    advance_rate = PercentField(
        say("Advance rate"),
        description=say("Share of the invoice value that is lent."),
        minimum=Decimal("0.000001"),
    )
    apr = PercentField(say("APR"), description=say("Interest a year on the principal, until it is repaid."))
    tenor_days = CountField(
        say("Tenor"),
        minimum=1,
        maximum=730,
        suffix=say("days"),
        description=say("Days from the payout to the due date."),
    )
    day_count = ChoiceField(
        say("Day count"), choices=_DAY_COUNTS, description=say("How days and years are counted for interest.")
    )
    interest_method = ChoiceField(
        say("Interest"),
        choices=_METHODS,
        description=say("Daily compounding counts actual days and ignores the day count."),
    )
    interest_timing = ChoiceField(
        say("Interest and fee are paid"),
        choices=_TIMINGS,
        description=say("Deducted: the supplier gets less, and on the due date only the principal is owed."),
    )
    fee_flat = MoneyField(
        say("Flat fee"), allow_zero=True, description=say("For each financed invoice; 0 for none.")
    )
    fee_rate = PercentField(
        say("Percentage fee"), maximum=Decimal("0.2"), description=say("Of the principal, once; 0 for none.")
    )
    fee_min = MoneyField(
        say("Minimum fee"),
        allow_zero=True,
        required=False,
        description=say("Flat and percentage fee together; 0 for none."),
    )
    fee_max = MoneyField(
        say("Maximum fee"),
        allow_zero=True,
        required=False,
        description=say("Flat and percentage fee together; empty for none."),
    )
    grace_days = CountField(
        say("Grace days"),
        minimum=0,
        maximum=90,
        suffix=say("days"),
        description=say("Days after the due date without penalty."),
    )
    penal_rate = PercentField(
        say("Penal rate"),
        description=say(
            "A year on what is overdue, on top of the interest; after the grace days it counts"
            " from the due date."
        ),
    )

    due_convention = ChoiceField(
        say("Due date on a closed day"),
        choices=_CONVENTIONS,
        description=say("What becomes of a due date on which the bank is closed."),
    )
    collection = ChoiceField(
        say("Purchasers pay"),
        choices=_COLLECTIONS,
        description=say(
            "The debt: the supplier gets the rest from them directly. The invoice: the rest is passed on to"
            " the supplier with the next disbursal."
        ),
    )
    recourse_days = CountField(
        say("Recourse after"),
        minimum=0,
        maximum=365,
        required=False,
        suffix=say("days past due"),
        description=say(
            "Then the supplier owes what the purchaser has not paid; empty for without recourse."
        ),
    )

    @property
    def terms(self) -> Terms:
        """The terms that were filled in; the form must have been found valid."""
        values = {name: self[name].data for name in TERM_FIELDS}
        return Terms.of({**values, "fee_min": values["fee_min"] or 0})
