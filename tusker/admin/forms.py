"""The filters and forms of the staff's pages."""

from flask_wtf.file import FileRequired
from wtforms import BooleanField

from tusker.domain.credit.risk import RuleKind
from tusker.domain.record.attention import AttentionKind
from tusker.messages import say
from tusker.models import AccessKind, DisbursalStatus, Role
from tusker.services.approvals.actions import TITLES as PROPOSALS
from tusker.services.events import Subject
from tusker.web.filters import status_label
from tusker.web.forms.fields import (
    AnyOf,
    ChoiceField,
    DayField,
    EmailField,
    IdField,
    MoneyField,
    NameField,
    PasswordField,
    ReasonField,
    SearchField,
    TextField,
    UploadField,
)
from tusker.web.forms.form import FilterForm, Form

ROLES = [
    (Role.ADMIN, say("Admin: does everything")),
    (Role.AUDITOR, say("Auditor: sees everything, changes nothing")),
    (Role.SUPPLIER, say("Supplier: requests financing for one company")),
    (Role.PURCHASER, say("Purchaser: sees what one company owes")),
]


class DisbursalFilter(FilterForm):
    q = SearchField(say("Disbursal or bank reference"))
    status = AnyOf(say("Status"), choices=[(s, status_label(s)) for s in DisbursalStatus])


class AttentionFilter(FilterForm):
    q = SearchField(say("Number, loan id or company"))
    kind = AnyOf(say("Kind"), choices=[(kind, kind.words) for kind in AttentionKind])
    state = ChoiceField(
        say("State"), required=False, empty=say("Open"), choices=[("settled", say("Settled"))]
    )


class ProposalFilter(FilterForm):
    kind = AnyOf(say("Kind"), choices=list(PROPOSALS.items()))
    state = ChoiceField(
        say("State"), required=False, empty=say("Waiting"), choices=[("decided", say("Decided"))]
    )


class RuleForm(Form):
    """A new rule of risk; give it the choices of companies."""

    kind = ChoiceField(say("Rule"), choices=[(kind.value, kind.words) for kind in RuleKind])
    value = TextField(
        say("Threshold"),
        max_length=40,
        required=False,
        description=say(
            "A percentage, an amount or a number of days, as the rule needs it; none for the first deal."
        ),
    )
    supplier_id = IdField(say("Supplier"), required=False, empty=say("Every supplier"))
    purchaser_id = IdField(say("Purchaser"), required=False, empty=say("Every purchaser"))
    valid_from = DayField(say("Valid from"), required=False, description=say("Empty for today."))
    valid_to = DayField(say("Valid to"), required=False, description=say("The last day; empty for no end."))
    reason = ReasonField()


class ClaimForm(Form):
    """Accepting a claim, for less if an amount is given."""

    amount = MoneyField(say("Amount"), required=False)
    reason = ReasonField()


class ReleaseForm(Form):
    execution_date = DayField(
        say("Execution date"), description=say("The day on which the bank is told to pay.")
    )
    on_closed_day = BooleanField(say("Pay on this day although the bank is closed"))
    """Shown once a closed day was chosen."""
    password = PasswordField(
        say("Your password"),
        description=say("Asked again because money is leaving."),
        render_kw={"autocomplete": "current-password"},
    )


class ConfirmForm(Form):
    bank_reference = TextField(
        say("Bank reference"), max_length=60, description=say("As on the bank statement.")
    )
    value_date = DayField(
        say("Value date"), description=say("The day the money left; every loan starts on it.")
    )
    file = UploadField(
        say("Platform's loan ids (optional)"),
        description=say("CSV with the columns invoice and platform_loan_id; or type them into the lines."),
        render_kw={"accept": ".csv,text/csv"},
    )


class PlatformIdsForm(Form):
    file = UploadField(
        say("File"),
        validators=[FileRequired(say("Choose a CSV file."))],
        description=say(
            "CSV in UTF-8 with the columns invoice (its number or our loan id) and platform_loan_id."
        ),
        render_kw={"accept": ".csv,text/csv"},
    )


class RepayForm(Form):
    """Recording that an invoice was repaid in full."""

    bank_reference = TextField(say("Payment reference"), max_length=60)
    value_date = DayField(say("Value date"), description=say("The day the money came in."))


class WaiveForm(Form):
    penalty = MoneyField(say("Penalty"), required=False, allow_zero=True)
    fee = MoneyField(say("Fee"), required=False, allow_zero=True)
    interest = MoneyField(say("Interest"), required=False, allow_zero=True)
    value_date = DayField(say("Value date"), description=say("The day from which it is not owed any more."))
    reason = ReasonField()


class ExtendForm(Form):
    due_date = DayField(say("New due date"))
    interest = ChoiceField(
        say("Interest for the days between"),
        choices=[("with", say("Is charged")), ("without", say("Is not charged"))],
    )
    on_closed_day = BooleanField(say("Take this day although the bank is closed"))
    """Shown once a closed day was chosen."""
    reason = ReasonField()


class EventFilter(FilterForm):
    q = SearchField(say("Reason or value"))
    subject = ChoiceField(
        say("About"),
        required=False,
        empty=say("Everything"),
        choices=[(s, status_label(s)) for s in Subject],
    )
    kind = AnyOf(say("Kind"))
    actor = TextField(say("Who"), required=False, render_kw={"placeholder": say("Person or job")})


class UserFilter(FilterForm):
    q = SearchField(say("Name, mail or company"))
    role = AnyOf(say("Role"), choices=[(r, status_label(r)) for r in Role])
    state = AnyOf(say("State"), choices=[("active", say("Active")), ("inactive", say("Inactive"))])


class AccessFilter(FilterForm):
    email = TextField(
        say("Mail address"), required=False, render_kw={"placeholder": say("The whole address")}
    )
    kind = AnyOf(say("What"), choices=[(kind, status_label(kind)) for kind in AccessKind])


class UserForm(Form):
    """A new user; the password is chosen by the person with the link that is sent."""

    name = NameField(say("Name"))
    email = EmailField(say("Email"), description=say("A link to set a password is sent here."))
    role = ChoiceField(say("Role"), choices=ROLES, empty=say("Choose a role"))
    customer_id = IdField(
        say("Company"),
        required=False,
        empty=say("None (admins and auditors)"),
        choices=[],
        description=say("Suppliers and purchasers see this company's data and nothing else."),
    )
