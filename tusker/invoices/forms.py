"""Forms about invoices: the fields and their shape; services decide what is accepted."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from tusker.carriers.base import Carrier
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.financeable import Grounds
from tusker.messages import say
from tusker.queries.credit.invoices import InvoiceFilter, Scope
from tusker.web.filters import status_label
from tusker.web.forms.fields import (
    AnyId,
    AnyOf,
    ChoiceField,
    DayField,
    IdField,
    MoneyField,
    ReasonField,
    SearchField,
    TextField,
    UploadField,
)
from tusker.web.forms.form import FilterForm, Form

Companies = Sequence[tuple[int, str]]

PARCEL_FIELDS = ("credit_line_id", "number", "invoice_date", "amount")

_STATUSES = [(str(status), status_label(status)) for status in InvoiceStatus]


class RequestForm(Form):
    """What is to be financed; admins choose the supplier, and a carrier is chosen where there are several.

    An order needs its reference only. For a parcel credit line, invoice number, date and amount are entered too.
    """

    supplier_id = IdField(say("Supplier"), empty=say("Choose a supplier"))
    carrier = ChoiceField(say("Delivery company"))
    credit_line_id = IdField(say("Credit line"), empty=say("Choose a credit line"))
    number = TextField(say("Invoice number"), max_length=60, render_kw={"autocomplete": "off"})
    invoice_date = DayField(say("Invoice date"))
    amount = MoneyField(say("Invoice amount"))
    order_ref = TextField(
        say("Order reference"),
        max_length=60,
        description=say("As the delivery company knows it. Figures appear once you have typed it."),
        render_kw={"autocomplete": "off", "spellcheck": "false", "placeholder": say("e.g. ORD-2041")},
    )

    document = UploadField(
        say("Invoice document"),
        description=say("PDF, PNG or JPEG. It may also be sent later, on the invoice's page."),
        render_kw={"accept": "application/pdf,image/png,image/jpeg", "hx-preserve": "true"},
    )

    def narrow(
        self, *, suppliers: Companies | None, carriers: Mapping[str, Carrier], lines: Companies | None
    ) -> None:
        """Leave out fields without a choice; `lines` is None where the carrier declares orders."""
        if suppliers is None:
            del self.supplier_id
        else:
            self.supplier_id.choices = list(suppliers)
        if len(carriers) < 2:
            del self.carrier
        else:
            self.carrier.choices = [(name, carrier.label) for name, carrier in carriers.items()]
        if lines is None:
            for name in PARCEL_FIELDS:
                del self[name]
        else:
            self.credit_line_id.choices = list(lines)
            self.order_ref.label.text = say("Tracking number")
            self.order_ref.description = say(
                "With the courier in front where you know it, such as usps/9400…"
            )
            self.order_ref.render_kw = {**self.order_ref.render_kw, "placeholder": say("e.g. usps/9400…")}

    @property
    def is_parcel(self) -> bool:
        """Whether it asks for the details of a parcel's invoice."""
        return "credit_line_id" in self

    @property
    def details(self) -> dict[str, Any]:
        """What a valid form says of a parcel, as `subject_of` takes it; nothing of an order."""
        return {name: self[name].data for name in PARCEL_FIELDS if name in self}


class DisputeForm(Form):
    """What is wrong with a delivery or its amount."""

    grounds = ChoiceField(
        say("What is wrong"),
        choices=[
            (Grounds.GOODS.value, say("The goods were not received")),
            (Grounds.AMOUNT.value, say("The amount differs")),
            (Grounds.OTHER.value, say("Something else")),
        ],
        empty=say("Choose"),
    )
    amount = MoneyField(
        say("Amount you owe"), required=False, allow_zero=True, description=say("Where the amount differs.")
    )
    reason = ReasonField()
    document = UploadField(
        say("Document"),
        description=say("A photo, a delivery note or a letter, where you have one: PDF, PNG or JPEG."),
        render_kw={"accept": "application/pdf,image/png,image/jpeg"},
    )


class InvoiceFilterForm(FilterForm):
    """What the list is narrowed to. The status is chosen by tabs; the form only carries it on."""

    q = SearchField(say("Number, company, loan or disbursal"), max_length=100)
    supplier_id = AnyId(say("Supplier"))
    purchaser_id = AnyId(say("Purchaser"))
    since = DayField(say("Requested from"), required=False)
    until = DayField(say("Requested until"), required=False)
    status = AnyOf(say("Status"), choices=_STATUSES)

    def narrow(self, *, suppliers: Companies | None, purchasers: Companies | None) -> None:
        """Leave the companies out for users of a company."""
        if suppliers is None or purchasers is None:
            del self.supplier_id, self.purchaser_id
        else:
            self.supplier_id.choices, self.purchaser_id.choices = list(suppliers), list(purchasers)

    def wanted(self, scope: Scope, zone: tzinfo) -> InvoiceFilter:
        """The filter; days are business days of the installation's time zone."""
        return InvoiceFilter(
            scope=scope,
            supplier_id=self.supplier_id.data if "supplier_id" in self else None,
            purchaser_id=self.purchaser_id.data if "purchaser_id" in self else None,
            status=self.status.data,
            search=self.q.data or "",
            since=_start_of(self.since.data, zone),
            until=_start_of(self.until.data + timedelta(days=1), zone) if self.until.data else None,
        )


def _start_of(day: date | None, zone: tzinfo) -> datetime | None:
    return datetime.combine(day, time(), zone) if day else None
