"""Forms for companies, credit lines, tokens and bank details: their fields; services decide what is accepted."""

from typing import Any

from wtforms import BooleanField

from tusker.customers.terms_fields import TermsFields
from tusker.domain.accounts import HOLDER_MAX, AccountNumber, parse_account
from tusker.domain.credit.limits import LineState
from tusker.domain.delivery.financeable import Wishes
from tusker.domain.terms import TERM_FIELDS
from tusker.messages import say
from tusker.models import LineStatus, TokenScope
from tusker.services.credit.customers.companies import CustomerData
from tusker.services.credit.customers.lines import LineData
from tusker.web.filters import status_label
from tusker.web.forms.fields import (
    AnyId,
    AnyOf,
    ChoiceField,
    DayField,
    EmailField,
    IdField,
    MoneyField,
    NameField,
    ReasonField,
    SearchField,
    TextField,
)
from tusker.web.forms.form import FilterForm, Form

_CODE = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class CustomerForm(TermsFields):
    """A company: supplier, purchaser or both."""

    name = NameField(say("Name"), description=say("As it stands on its invoices."))
    reference = TextField(
        say("Reference"),
        max_length=60,
        required=False,
        description=say("Its number in your other systems; imported files may name it by this."),
    )
    email = EmailField(say("Email"), required=False, description=say("For questions about its account."))
    is_supplier = BooleanField(say("Supplier: sends goods and asks for money against its invoices"))
    is_purchaser = BooleanField(say("Purchaser: receives goods and pays the invoices"))
    supplier_limit = MoneyField(
        say("Supplier limit"),
        allow_zero=True,
        description=say("The most that may be lent against all its invoices together."),
    )
    purchaser_limit = MoneyField(
        say("Purchaser limit"),
        allow_zero=True,
        description=say("The most that may be lent against invoices to this company."),
    )
    cascade = BooleanField(say("Apply these terms to its credit lines too"))

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
            self.is_supplier.errors = [say("Say whether it is a supplier, a purchaser or both.")]
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
        say("Limit"),
        allow_zero=True,
        description=say("The most that may be lent against invoices between these two."),
    )
    valid_from = DayField(say("Valid from"), description=say("The first day on which requests are taken."))
    valid_to = DayField(
        say("Valid to"), required=False, description=say("The last such day; empty for no end.")
    )
    documents_required = BooleanField(say("Finance only with a verified proof of delivery or signed invoice"))
    confirmation_required = BooleanField(
        say("Finance only once the purchaser has confirmed delivery and amount")
    )

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

    supplier_id = IdField(say("Supplier"), empty=say("Choose a supplier"))
    purchaser_id = IdField(say("Purchaser"), empty=say("Choose a purchaser"))


class LineStatusForm(Form):
    status = ChoiceField(say("Status"), choices=[(status.value, status.value) for status in LineStatus])
    reason = ReasonField()


class ValidityForm(Form):
    """The days on which a limit of a company admits something new."""

    side = ChoiceField(
        say("Limit"), choices=[("supplier", say("Supplier limit")), ("purchaser", say("Purchaser limit"))]
    )
    valid_from = DayField(say("Valid from"), required=False, description=say("Empty for no beginning."))
    valid_to = DayField(say("Valid to"), required=False, description=say("The last day; empty for no end."))


class TokenForm(Form):
    name = NameField(say("Name"), description=say("Which system will use it, such as “ERP production”."))
    scope = ChoiceField(
        say("It may"),
        choices=[
            (TokenScope.REQUEST, say("Request financing and read")),
            (TokenScope.READ, say("Only read")),
        ],
    )
    days = IdField(
        say("It works for"),
        choices=[(365, say("A year")), (90, say("90 days")), (30, say("30 days"))],
        default=365,
    )


class BankAccountForm(Form):
    """Where a supplier is to be paid."""

    holder = TextField(
        say("Holder"), max_length=HOLDER_MAX, description=say("As the bank knows the account's owner.")
    )
    iban = TextField("IBAN", max_length=60, required=False, render_kw=_CODE)
    account_number = TextField(say("Account number"), max_length=60, required=False, render_kw=_CODE)
    ifsc = TextField(
        "IFSC", max_length=20, required=False, render_kw=_CODE, description=say("Of the branch, in India.")
    )
    bic = TextField(
        "BIC",
        max_length=20,
        required=False,
        render_kw=_CODE,
        description=say("Elsewhere; may go with an IBAN too."),
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


class CustomersFilter(FilterForm):
    q = SearchField(say("Name, reference or email"))
    side = AnyOf(say("Kind"), choices=[("supplier", say("Suppliers")), ("purchaser", say("Purchasers"))])


class LinesFilter(FilterForm):
    """Which credit lines to list; give it the choices of companies."""

    q = SearchField(say("Supplier or purchaser"))
    state = AnyOf(say("Status"), choices=[(state, status_label(state)) for state in LineState])
    supplier_id = AnyId(say("Supplier"))
    purchaser_id = AnyId(say("Purchaser"))
