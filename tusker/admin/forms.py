"""The filters and forms of the staff's pages."""

from __future__ import annotations

from flask_wtf.file import FileRequired
from wtforms import BooleanField

from tusker.domain.record.attention import ADVICE
from tusker.models import AccessKind, DisbursalStatus, Role
from tusker.services.approvals.actions import TITLES as PROPOSALS
from tusker.services.credit.risk.judging import TITLES
from tusker.web.fields import (
    ChoiceField,
    DayField,
    EmailField,
    IdField,
    MoneyField,
    NameField,
    PasswordField,
    ReasonField,
    TextField,
    UploadField,
)
from tusker.web.filters import status_label
from tusker.web.forms import FilterForm, Form

ROLES = [
    (Role.ADMIN, "Admin: does everything"),
    (Role.AUDITOR, "Auditor: sees everything, changes nothing"),
    (Role.SUPPLIER, "Supplier: requests financing for one company"),
    (Role.PURCHASER, "Purchaser: sees what one company owes"),
]
SUBJECTS = (
    "invoice",
    "customer",
    "credit_line",
    "disbursal",
    "statement",
    "statement_entry",
    "statement_profile",
    "user",
    "carrier",
    "attention",
    "risk_rule",
)


class QueueFilter(FilterForm):
    """Which invoices of the queue are shown."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Number or company"})


class DisbursalFilter(FilterForm):
    """Which disbursals are shown."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Disbursal or bank reference"})
    status = ChoiceField(
        "Status", required=False, empty="All", choices=[(s, status_label(s)) for s in DisbursalStatus]
    )


class AttentionFilter(FilterForm):
    """Which matters are shown."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Number, loan id or company"})
    kind = ChoiceField(
        "Kind", required=False, empty="All", choices=[(kind, advice.title) for kind, advice in ADVICE.items()]
    )
    state = ChoiceField("State", required=False, empty="Open", choices=[("settled", "Settled")])


class ProposalFilter(FilterForm):
    """Which proposals are shown."""

    kind = ChoiceField("Change", required=False, empty="All", choices=list(PROPOSALS.items()))
    state = ChoiceField("State", required=False, empty="Waiting", choices=[("decided", "Decided")])


class RuleForm(Form):
    """A new rule of risk; give it the choices of companies."""

    kind = ChoiceField("Rule", choices=[(kind.value, title) for kind, title in TITLES.items()])
    value = TextField(
        "Bound",
        max_length=40,
        required=False,
        description="A percentage, an amount or a number of days, as the rule needs it; none for the first deal.",
    )
    supplier_id = IdField("Supplier", required=False, empty="Every supplier")
    purchaser_id = IdField("Purchaser", required=False, empty="Every purchaser")
    valid_from = DayField("Valid from", required=False, description="Empty for today.")
    valid_to = DayField("Valid to", required=False, description="The last day; empty for no end.")
    reason = ReasonField()


class ClaimForm(Form):
    """Accepting a claim, for less if an amount is given."""

    amount = MoneyField("Amount", required=False)
    reason = ReasonField()


class ReleaseForm(Form):
    """Releasing an approved disbursal to the bank."""

    execution_date = DayField("Execution date", description="The day on which the bank is told to pay.")
    on_closed_day = BooleanField("Pay on this day although the bank is closed")
    """Shown once a closed day was chosen."""
    password = PasswordField(
        "Your password",
        description="Asked again because money is leaving.",
        render_kw={"autocomplete": "current-password"},
    )


class ConfirmForm(Form):
    """Confirming that the bank made the payouts."""

    bank_reference = TextField("Bank reference", max_length=60, description="As on the bank statement.")
    value_date = DayField("Value date", description="The day the money left; every loan starts on it.")
    file = UploadField(
        "Platform's loan ids (optional)",
        description="CSV with the columns invoice and platform_loan_id; or type them into the lines.",
        render_kw={"accept": ".csv,text/csv"},
    )


class PlatformIdsForm(Form):
    """A file of the lending platform's loan ids."""

    file = UploadField(
        "File",
        validators=[FileRequired("Choose a CSV file.")],
        description="CSV in UTF-8 with the columns invoice (its number or our loan id) and platform_loan_id.",
        render_kw={"accept": ".csv,text/csv"},
    )


class RepayForm(Form):
    """Recording that an invoice was repaid in full."""

    bank_reference = TextField("Payment reference", max_length=60)
    value_date = DayField("Value date", description="The day the money came in.")


class WaiveForm(Form):
    """Waiving charges of a loan."""

    penalty = MoneyField("Penalty", required=False, allow_zero=True)
    fee = MoneyField("Fee", required=False, allow_zero=True)
    interest = MoneyField("Interest", required=False, allow_zero=True)
    value_date = DayField("Value date", description="The day from which it is not owed any more.")
    reason = ReasonField()


class ExtendForm(Form):
    """Moving the due date of a loan."""

    due_date = DayField("New due date")
    interest = ChoiceField(
        "Interest for the days between",
        choices=[("with", "Is charged"), ("without", "Is not charged")],
    )
    on_closed_day = BooleanField("Take this day although the bank is closed")
    """Shown once a closed day was chosen."""
    reason = ReasonField()


class WriteOffForm(Form):
    """Writing a debt off."""

    reason = ReasonField()


class EventFilter(FilterForm):
    """Which events are shown."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Reason or value"})
    subject = ChoiceField(
        "About", required=False, empty="Everything", choices=[(s, status_label(s)) for s in SUBJECTS]
    )
    kind = ChoiceField("Kind", required=False, empty="All", choices=[])
    actor = TextField("Who", required=False, render_kw={"placeholder": "Person or job"})


class UserFilter(FilterForm):
    """Which users are shown."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Name, mail or company"})
    role = ChoiceField("Role", required=False, empty="All", choices=[(r, status_label(r)) for r in Role])
    state = ChoiceField(
        "State",
        required=False,
        empty="All",
        choices=[("active", "Active"), ("inactive", "Inactive")],
    )


class AccessFilter(FilterForm):
    """Which rows of the access log are shown."""

    email = TextField("Mail address", required=False, render_kw={"placeholder": "The whole address"})
    kind = ChoiceField(
        "What", required=False, empty="All", choices=[(kind, status_label(kind)) for kind in AccessKind]
    )


class UserForm(Form):
    """A new user; the password is chosen by the person with the link that is sent."""

    name = NameField("Name")
    email = EmailField("Email", description="A link to set a password is sent here.")
    role = ChoiceField("Role", choices=ROLES, empty="Choose a role")
    customer_id = IdField(
        "Company",
        required=False,
        empty="None (admins and auditors)",
        choices=[],
        description="Suppliers and purchasers see this company's data and nothing else.",
    )
