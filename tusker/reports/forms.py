"""The forms of reports."""

from __future__ import annotations

from decimal import Decimal

from flask_wtf.file import FileRequired

from tusker.domain.terms import DayCount, InterestMethod, InterestTiming
from tusker.web.fields import ChoiceField, CountField, DayField, MoneyField, PercentField, UploadField
from tusker.web.forms import FilterForm, Form

METHODS = [
    (InterestMethod.SIMPLE, "Simple"),
    (InterestMethod.DAILY_COMPOUND_360, "Daily compounding on a year of 360 days"),
]
TIMINGS = [
    (InterestTiming.ARREARS, "With the repayment"),
    (InterestTiming.UPFRONT, "Deducted from the payout"),
]


class AsOfForm(FilterForm):
    """The day as of which figures are asked for."""

    as_of = DayField("As of", required=False)


class StatementForm(FilterForm):
    """Whose account, and for which days."""

    account = ChoiceField("Company", required=False, empty="Choose a company")
    first = DayField("From", required=False)
    last = DayField("To", required=False)


class CalculatorForm(FilterForm):
    """One case of the calculator."""

    principal = MoneyField("Principal", description="What is lent.")
    apr = PercentField("APR", description="A year.")
    start = DayField("Start", description="The day of the payout.")
    end = DayField("End", required=False, description="The due date, or give the tenor.")
    tenor_days = CountField("Tenor", required=False, minimum=1, maximum=730, suffix="days")
    as_of = DayField("Due on", required=False, description="Any other day to look at.")
    day_count = ChoiceField(
        "Day count", choices=[(count, count) for count in DayCount], default=DayCount.ACT_365F
    )
    interest_method = ChoiceField("Interest", choices=METHODS, default=InterestMethod.SIMPLE)
    interest_timing = ChoiceField(
        "Interest and fee are paid", choices=TIMINGS, default=InterestTiming.ARREARS
    )
    fee_flat = MoneyField("Flat fee", required=False, allow_zero=True)
    fee_rate = PercentField("Percentage fee", required=False, maximum=Decimal("0.2"))
    fee_min = MoneyField("Fee at least", required=False, allow_zero=True)
    fee_max = MoneyField("Fee at most", required=False, allow_zero=True)
    grace_days = CountField("Grace", required=False, maximum=90, suffix="days")
    penal_rate = PercentField("Penal rate", required=False, description="A year, on overdue principal.")


class CasesForm(Form):
    """A file of many cases."""

    file = UploadField("CSV file", validators=[FileRequired("Choose a file.")])
