"""The forms of deductions and bank charges."""

from wtforms.validators import ValidationError as FieldError

from tusker.messages import say
from tusker.models import DeductionKind
from tusker.models.loans.deductions import DISPUTABLE
from tusker.web.filters import status_label
from tusker.web.forms.fields import AnyOf, ChoiceField, DayField, MoneyField, SearchField, TextField
from tusker.web.forms.form import FilterForm, Form

DISPUTED = "/disputed"
KINDS = [
    (
        f"{kind}{mark}",
        say("{kind}, disputed by the supplier", kind=status_label(kind)) if mark else status_label(kind),
    )
    for kind in DeductionKind
    if kind is not DeductionKind.CREDIT_NOTE
    for mark in (("", DISPUTED) if kind in DISPUTABLE else ("",))
]
"""What may be chosen on a form: a kind, with a mark where the supplier contests it."""
SHOWN = [
    ("certificate", say("Tax without certificate")),
    ("disputed", say("Disputed")),
    *((kind, status_label(kind)) for kind in DeductionKind),
]


def kind_and_dispute(chosen: str) -> tuple[DeductionKind, bool]:
    """A choice of `KINDS` as the kind and whether it is disputed."""
    return DeductionKind(chosen.removesuffix(DISPUTED)), chosen.endswith(DISPUTED)


class DeductionFilter(FilterForm):
    q = SearchField(say("Invoice or number"))
    show = AnyOf(say("Show"), choices=SHOWN)


class DeductionForm(Form):
    """Recording what a purchaser keeps back."""

    kind = ChoiceField(say("Why"), empty=say("Choose the reason"), choices=KINDS)
    amount = MoneyField(say("Amount"), description=say("What the purchaser does not pay."))
    number = TextField(
        say("Number"),
        required=False,
        max_length=60,
        description=say("Of the certificate or note that proves it."),
    )
    reason = TextField(say("Note"), required=False, max_length=300)


class SettleForm(Form):
    """The certificate of tax at source."""

    number = TextField(say("Certificate number"), max_length=60)
    settled_on = DayField(say("Day on the certificate"))


class ChargeForm(Form):
    amount = MoneyField(say("Bank charges"), description=say("What the bank kept or took."))
    value_date = DayField(say("Value date"))
    reason = TextField(say("Note"), required=False, max_length=300)


class PeriodForm(FilterForm):
    """The days of a list."""

    first = DayField(say("From"), required=False)
    last = DayField(say("To"), required=False)

    def validate_last(self, last: DayField) -> None:
        if self.first.data and last.data and self.first.data > last.data:
            raise FieldError(say("The first day must not be after the last."))
