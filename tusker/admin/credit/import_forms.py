"""The forms of the two steps of an import, and a guess at a file's columns so that little is left to choose."""

import re
from collections.abc import Mapping
from typing import Any

from flask_wtf.file import FileRequired
from wtforms import BooleanField

from tusker.carriers.base import Carrier
from tusker.carriers.registry import MANUAL, get_carriers
from tusker.csv.dates import read_date
from tusker.csv.tables import CsvTable
from tusker.domain.texts import latin_digits
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.services.credit.importing.file import ColumnMapping, ImportOptions, mapping_from
from tusker.web.forms.fields import ChoiceField, UploadField
from tusker.web.forms.form import Form

DATE_FORMATS = [
    ("iso", "2026-03-31"),
    ("%d/%m/%Y", say("31/03/2026 (day first)")),
    ("%m/%d/%Y", say("03/31/2026 (month first)")),
    ("%d-%m-%Y", "31-03-2026"),
    ("%d.%m.%Y", "31.03.2026"),
    ("%d %b %Y", "31 Mar 2026"),
]
SAMPLE = 200
"""Rows that are looked at to guess the date format."""
COLUMNS = tuple(ColumnMapping.__dataclass_fields__)
_KNOWN = {
    "number": ("invoicenumber", "invoiceno", "invoice", "number", "no"),
    "supplier": ("supplier", "seller", "suppliername", "suppliercode", "countrycode"),
    "purchaser": ("purchaser", "buyer", "customer", "customerid", "purchasername", "buyername"),
    "amount": ("amount", "invoiceamount", "value", "invoicevalue", "total"),
    "date": ("invoicedate", "date", "issuedate"),
    "order_ref": ("orderref", "orderreference", "order", "orderno", "trackingnumber"),
    "carrier": ("carrier", "courier", "deliverycompany"),
}


class UploadForm(Form):
    """The upload of a file of invoices."""

    file = UploadField(
        say("File"),
        validators=[FileRequired(say("Choose a CSV file."))],
        description=say(
            "CSV in UTF-8 with a header, at most 512 MB. Files over 1 MB are imported in the background."
        ),
        render_kw={"accept": ".csv,text/csv"},
    )


class MappingForm(Form):
    """Which column holds what, and how to import. Give it the file's table and the delivery companies."""

    number = ChoiceField(say("Invoice number"), empty=say("Choose a column"))
    supplier = ChoiceField(
        say("Supplier"), empty=say("Choose a column"), description=say("Its reference or its name.")
    )
    purchaser = ChoiceField(
        say("Purchaser"), empty=say("Choose a column"), description=say("Its reference or its name.")
    )
    amount = ChoiceField(
        say("Amount"), empty=say("Choose a column"), description=say("In major units, such as 1250.00.")
    )
    date = ChoiceField(say("Invoice date"), empty=say("Choose a column"))
    date_format = ChoiceField(say("Dates look like"), choices=DATE_FORMATS)
    order_ref = ChoiceField(
        say("Order reference"),
        required=False,
        empty=say("None: an admin reports the deliveries"),
        description=say("With it the delivery company is asked where the goods are."),
    )
    carrier = ChoiceField(say("Delivery company"), required=False, empty=say("The one chosen beside"))
    default_carrier = ChoiceField(say("Delivery company of all orders"), required=False, empty=say("None"))
    all_or_nothing = BooleanField(say("All or nothing: request only if no row is refused"))
    retry_refused = BooleanField(say("Request again what was refused or cancelled before"))

    def __init__(self, table: CsvTable, carriers: Mapping[str, Carrier], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        names = [(name, name) for name in dict.fromkeys(table.header) if name]
        for field in self:
            if isinstance(field, ChoiceField) and field.short_name in COLUMNS:
                field.choices = names
        self.default_carrier.choices = [(name, carrier.label) for name, carrier in carriers.items()]

    def options(self) -> ImportOptions:
        """How the file is read; raises `InvalidInput` naming the field of a column that was not chosen."""
        return ImportOptions(
            mapping=mapping_from({field: self[field].data for field in COLUMNS}),
            date_format=_pattern(self.date_format.data or ""),
            carrier=self.default_carrier.data or MANUAL,
            carriers=frozenset(get_carriers()),
            retry_refused=self.retry_refused.data,
        )

    def chosen(self) -> dict[str, str]:
        """Everything chosen, as the form would send it again."""
        values = {name: self[name].data for name in (*COLUMNS, "date_format", "default_carrier")}
        flags = {name: "y" for name in ("all_or_nothing", "retry_refused") if self[name].data}
        return {name: value for name, value in values.items() if value} | flags


def guess(table: CsvTable, carriers: Mapping[str, Carrier]) -> dict[str, str]:
    """What the file's header and first rows suggest, as defaults of a `MappingForm`."""
    by_name = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(table.header)}
    found = {
        field: next(by_name[name] for name in names if name in by_name)
        for field, names in _KNOWN.items()
        if any(name in by_name for name in names)
    }
    if "date" in found:
        found["date_format"] = _guess_dates(table, found["date"])
    if own := [name for name, carrier in carriers.items() if carrier.declares_orders]:
        found["default_carrier"] = own[0]
    return found


def _guess_dates(table: CsvTable, column: str) -> str:
    place = table.header.index(column)
    texts = [row.cells[place] for row in table.rows[:SAMPLE] if len(row.cells) > place]
    for pattern, _ in DATE_FORMATS:
        try:
            for text in texts:
                read_date(latin_digits(text), _pattern(pattern), field="date")
        except InvalidInput:
            continue
        return pattern
    return DATE_FORMATS[0][0]


def _pattern(choice: str) -> str:
    """The strptime pattern for a choice of `DATE_FORMATS`."""
    return "" if choice == "iso" else choice
