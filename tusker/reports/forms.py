"""The forms of reports."""

from decimal import Decimal

from flask_wtf.file import FileRequired

from tusker.domain.terms import DayCount, InterestMethod, InterestTiming
from tusker.messages import say
from tusker.web.forms.fields import ChoiceField, CountField, DayField, MoneyField, PercentField, UploadField
from tusker.web.forms.form import FilterForm, Form

METHODS = [
    (InterestMethod.SIMPLE, say("Simple")),
    (InterestMethod.DAILY_COMPOUND_360, say("Daily compounding on a year of 360 days")),
]
TIMINGS = [
    (InterestTiming.ARREARS, say("With the repayment")),
    (InterestTiming.UPFRONT, say("Deducted from the payout")),
]


class AsOfForm(FilterForm):
    """The day as of which figures are asked for."""

    as_of = DayField(say("As of"), required=False)


class StatementForm(FilterForm):
    """Whose account, and for which days."""

    account = ChoiceField(say("Company"), required=False, empty=say("Choose a company"))
    first = DayField(say("From"), required=False)
    last = DayField(say("To"), required=False)


class CalculatorForm(FilterForm):
    """One case of the calculator."""

    principal = MoneyField(say("Principal"), description=say("What is lent."))
    apr = PercentField(say("APR"), description=say("A year."))
    start = DayField(say("Start"), description=say("The day of the payout."))
    end = DayField(say("End"), required=False, description=say("The due date, or give the tenor."))
    tenor_days = CountField(say("Tenor"), required=False, minimum=1, maximum=730, suffix=say("days"))
    as_of = DayField(say("Due on"), required=False, description=say("Any other day to look at."))
    day_count = ChoiceField(
        say("Day count"), choices=[(count, count) for count in DayCount], default=DayCount.ACT_365F
    )
    interest_method = ChoiceField(say("Interest"), choices=METHODS, default=InterestMethod.SIMPLE)
    interest_timing = ChoiceField(
        say("Interest and fee are paid"), choices=TIMINGS, default=InterestTiming.ARREARS
    )
    fee_flat = MoneyField(say("Flat fee"), required=False, allow_zero=True)
    fee_rate = PercentField(say("Percentage fee"), required=False, maximum=Decimal("0.2"))
    fee_min = MoneyField(say("Fee at least"), required=False, allow_zero=True)
    fee_max = MoneyField(say("Fee at most"), required=False, allow_zero=True)
    grace_days = CountField(say("Grace"), required=False, maximum=90, suffix=say("days"))
    penal_rate = PercentField(
        say("Penal rate"), required=False, description=say("A year, on overdue principal.")
    )


class CasesForm(Form):
    """A file of many cases."""

    file = UploadField(say("CSV file"), validators=[FileRequired(say("Choose a file."))])
