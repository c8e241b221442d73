"""Forms for companies, credit lines, tokens and bank details: their fields; services decide what is accepted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from wtforms import BooleanField

from tusker.domain.accounts import HOLDER_MAX, AccountNumber, parse_account
from tusker.domain.financeable import Wishes
from tusker.domain.limits import LineState
from tusker.domain.terms import (
    TERM_FIELDS,
    Collection,
    DayCount,
    DueConvention,
    InterestMethod,
    InterestTiming,
    Terms,
)
from tusker.models import LineStatus
from tusker.services.credit.credit_lines import LineData
from tusker.services.credit.customers import CustomerData
from tusker.web.forms import (
    ChoiceField,
    CountField,
    DayField,
    EmailField,
    FilterForm,
    Form,
    IdField,
    MoneyField,
    NameField,
    PercentField,
    ReasonField,
    TextField,
)

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

_CODE = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
_DAY_COUNTS = [
    (DayCount.ACT_365F.value, "Actual / 365 (fixed)"),
    (DayCount.ACT_360.value, "Actual / 360"),
    (DayCount.THIRTY_360.value, "30 / 360"),
]
_METHODS = [
    (InterestMethod.SIMPLE.value, "Simple"),
    (InterestMethod.DAILY_COMPOUND_360.value, "Compounded daily, year of 360 days"),
]
_TIMINGS = [
    (InterestTiming.ARREARS.value, "With the repayment"),
    (InterestTiming.UPFRONT.value, "Deducted from the payout"),
]
_CONVENTIONS = [
    (DueConvention.NONE.value, "Stays as it is"),
    (DueConvention.FOLLOWING.value, "Moves to the next working day"),
    (
        DueConvention.MODIFIED_FOLLOWING.value,
        "Moves to the next working day within the month, else the one before",
    ),
]
_COLLECTIONS = [
    (Collection.DEBT.value, "What is owed on the loan"),
    (Collection.INVOICE.value, "The invoice's face value"),
]
_STATES = [
    (LineState.ACTIVE.value, "Active"),
    (LineState.SUSPENDED.value, "Suspended"),
    (LineState.NOT_YET_VALID.value, "Not yet valid"),
    (LineState.EXPIRED.value, "Expired"),
    (LineState.ON_HOLD.value, "On hold"),
]


class TermsFields(Form):
    """The terms of a supplier or a credit line."""

    advance_rate = PercentField(
        "Advance rate", description="Share of the invoice value that is lent.", minimum=Decimal("0.000001")
    )
    apr = PercentField("APR", description="Interest a year on the principal, until it is repaid.")
    tenor_days = CountField(
        "Tenor", minimum=1, maximum=730, suffix="days", description="Days from the payout to the due date."
    )
    day_count = ChoiceField(
        "Day count", choices=_DAY_COUNTS, description="How days and years are counted for interest."
    )
    interest_method = ChoiceField(
        "Interest",
        choices=_METHODS,
        description="Daily compounding counts actual days and ignores the day count.",
    )
    interest_timing = ChoiceField(
        "Interest and fee are paid",
        choices=_TIMINGS,
        description="Deducted: the supplier gets less, and on the due date only the principal is owed.",
    )
    fee_flat = MoneyField("Flat fee", allow_zero=True, description="For each financed invoice; 0 for none.")
    fee_rate = PercentField(
        "Percentage fee", maximum=Decimal("0.2"), description="Of the principal, once; 0 for none."
    )
    fee_min = MoneyField(
        "Minimum fee",
        allow_zero=True,
        required=False,
        description="Flat and percentage fee together; 0 for none.",
    )
    fee_max = MoneyField(
        "Maximum fee",
        allow_zero=True,
        required=False,
        description="Flat and percentage fee together; empty for none.",
    )
    grace_days = CountField(
        "Grace days",
        minimum=0,
        maximum=90,
        suffix="days",
        description="Days after the due date without penalty.",
    )
    penal_rate = PercentField(
        "Penal rate",
        description="A year on what is overdue, on top of the interest; after the grace days it counts"
        " from the due date.",
    )

    due_convention = ChoiceField(
        "Due date on a closed day",
        choices=_CONVENTIONS,
        description="What becomes of a due date on which the bank is closed.",
    )
    collection = ChoiceField(
        "Purchasers pay",
        choices=_COLLECTIONS,
        description="The debt: the supplier gets the rest from them directly. The invoice: the rest is passed on to"
        " the supplier with the next disbursal.",
    )
    recourse_days = CountField(
        "Recourse after",
        minimum=0,
        maximum=365,
        required=False,
        suffix="days past due",
        description="Then the supplier owes what the purchaser has not paid; empty for without recourse.",
    )

    @property
    def terms(self) -> Terms:
        """The terms that were filled in; the form must have been found valid."""
        values = {name: self[name].data for name in TERM_FIELDS}
        values["day_count"] = DayCount(values["day_count"])
        values["interest_method"] = InterestMethod(values["interest_method"])
        values["interest_timing"] = InterestTiming(values["interest_timing"])
        values["due_convention"] = DueConvention(values["due_convention"])
        values["collection"] = Collection(values["collection"])
        values["fee_min"] = values["fee_min"] or 0
        return Terms(**values)


class CustomerForm(TermsFields):
    """A company: supplier, purchaser or both."""

    name = NameField("Name", description="As it stands on its invoices.")
    reference = TextField(
        "Reference",
        max_length=60,
        required=False,
        description="Its number in your other systems; imported files may name it by this.",
    )
    email = EmailField("Email", required=False, description="For questions about its account.")
    is_supplier = BooleanField("Supplier: sends goods and asks for money against its invoices")
    is_purchaser = BooleanField("Purchaser: receives goods and pays the invoices")
    supplier_limit = MoneyField(
        "Supplier limit",
        allow_zero=True,
        description="The most that may be lent against all its invoices together.",
    )
    purchaser_limit = MoneyField(
        "Purchaser limit",
        allow_zero=True,
        description="The most that may be lent against invoices to this company.",
    )
    cascade = BooleanField("Apply these terms to its credit lines too")

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """Check the form; the fields of a side that is not ticked are ignored."""
        unused = [] if self.is_supplier.data else ["supplier_limit", *TERM_FIELDS]
        unused += [] if self.is_purchaser.data else ["purchaser_limit"]
        for name in unused:
            self[name].validators = []
            self[name].process_errors = []
            self[name].data = None
        valid = super().validate(*args, **kwargs)
        if not (self.is_supplier.data or self.is_purchaser.data):
            self.is_supplier.errors = ["Say whether it is a supplier, a purchaser or both."]
            return False
        return valid

    def customer_data(self) -> CustomerData:
        """What was filled in, for the services; the form must have been found valid."""
        return CustomerData(
            name=self.name.filled,
            email=self.email.data,
            reference=self.reference.data,
            supplier_limit=self.supplier_limit.data if self.is_supplier.data else None,
            purchaser_limit=self.purchaser_limit.data if self.is_purchaser.data else None,
            terms=self.terms if self.is_supplier.data else None,
        )


class LineEditForm(TermsFields):
    """Limit, validity and terms of a credit line."""

    limit = MoneyField(
        "Limit", allow_zero=True, description="The most that may be lent against invoices between these two."
    )
    valid_from = DayField("Valid from", description="The first day on which requests are taken.")
    valid_to = DayField("Valid to", required=False, description="The last such day; empty for no end.")
    documents_required = BooleanField("Finance only with a verified proof of delivery or signed invoice")
    confirmation_required = BooleanField("Finance only once the purchaser has confirmed delivery and amount")

    def line_data(self) -> LineData:
        """What was filled in, for the services; the form must have been found valid."""
        return LineData(
            limit=self.limit.filled,
            terms=self.terms,
            valid_from=self.valid_from.filled,
            valid_to=self.valid_to.data,
            wishes=Wishes(self.documents_required.data, self.confirmation_required.data),
        )


class LineForm(LineEditForm):
    """A new credit line; give it the choices of companies."""

    supplier_id = IdField("Supplier", empty="Choose a supplier")
    purchaser_id = IdField("Purchaser", empty="Choose a purchaser")


class LineStatusForm(Form):
    """Suspend a line or make it active again."""

    status = ChoiceField("Status", choices=[(status.value, status.value) for status in LineStatus])
    reason = ReasonField()


class ValidityForm(Form):
    """The days on which a limit of a company admits something new."""

    side = ChoiceField("Limit", choices=[("supplier", "Supplier limit"), ("purchaser", "Purchaser limit")])
    valid_from = DayField("Valid from", required=False, description="Empty for no beginning.")
    valid_to = DayField("Valid to", required=False, description="The last day; empty for no end.")


class TokenForm(Form):
    """A new API token."""

    name = NameField("Name", description="Which system will use it, such as “ERP production”.")


class BankAccountForm(Form):
    """Where a supplier is to be paid."""

    holder = TextField("Holder", max_length=HOLDER_MAX, description="As the bank knows the account's owner.")
    iban = TextField("IBAN", max_length=60, required=False, render_kw=_CODE)
    account_number = TextField("Account number", max_length=60, required=False, render_kw=_CODE)
    ifsc = TextField(
        "IFSC", max_length=20, required=False, render_kw=_CODE, description="Of the branch, in India."
    )
    bic = TextField(
        "BIC",
        max_length=20,
        required=False,
        render_kw=_CODE,
        description="Elsewhere; may go with an IBAN too.",
    )

    def account(self) -> AccountNumber:
        """What was filled in; raises `InvalidInput` naming the field that is wrong."""
        return parse_account(
            self.holder.filled,
            iban=self.iban.data,
            account_number=self.account_number.data,
            ifsc=self.ifsc.data,
            bic=self.bic.data,
        )


class ReasonForm(Form):
    """Why a proposal is refused."""

    reason = ReasonField(description="The supplier reads it in a mail.")


class CustomersFilter(FilterForm):
    """Which companies to list."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Name, reference or email"})
    side = ChoiceField(
        "Kind", choices=[("supplier", "Suppliers"), ("purchaser", "Purchasers")], required=False, empty="All"
    )


class LinesFilter(FilterForm):
    """Which credit lines to list; give it the choices of companies."""

    q = TextField("Search", required=False, render_kw={"placeholder": "Supplier or purchaser"})
    state = ChoiceField("Status", choices=_STATES, required=False, empty="All")
    supplier_id = IdField("Supplier", required=False, empty="All")
    purchaser_id = IdField("Purchaser", required=False, empty="All")
