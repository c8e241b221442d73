"""Reading a CSV file of invoices by a mapping of its columns, without the database."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from tusker.carriers.registry import MANUAL, get_carriers
from tusker.csv.dates import check_date_format, read_date
from tusker.csv.tables import CsvRow, CsvTable
from tusker.currency import currency
from tusker.domain.texts import latin_digits, one_line
from tusker.errors import InvalidInput
from tusker.messages import joined, say
from tusker.services.context import Context

REQUIRED = ("number", "supplier", "purchaser", "amount", "date")
LONGEST = {"number": 60, "order_ref": 60, "supplier": 120, "purchaser": 120, "carrier": 40}
"""Longest texts, in characters, as the database has them."""
_SAID = {
    "number": say("number"),
    "supplier": say("supplier"),
    "purchaser": say("purchaser"),
    "amount": say("amount"),
    "date": say("date"),
    "order_ref": say("order reference"),
    "carrier": say("delivery company"),
}


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Which column of the file holds what."""

    number: str
    supplier: str
    purchaser: str
    amount: str
    date: str
    order_ref: str | None = None
    carrier: str | None = None

    def columns(self) -> dict[str, str]:
        return {f.name: column for f in fields(self) if (column := getattr(self, f.name)) is not None}


def mapping_from(chosen: Mapping[str, str | None]) -> ColumnMapping:
    """A mapping from what was chosen for each field; raises `InvalidInput` naming the field that is missing."""
    given = {name: column for name, column in chosen.items() if column}
    for name in REQUIRED:
        if name not in given:
            raise InvalidInput("Say which column holds the {name}.", name=_SAID[name], field=name)
    if "carrier" in given and "order_ref" not in given:
        raise InvalidInput(
            "A column for the delivery company needs one for the order reference.", field="order_ref"
        )
    return ColumnMapping(**given)


def parse_mapping(text: str) -> ColumnMapping:
    """Read `number=invoiceNumber,supplier=…`; a column with a comma in its name stands in double quotes:
    `"number=Invoice, No."`. Raises `InvalidInput` naming the field."""
    known = [f.name for f in fields(ColumnMapping)]
    chosen: dict[str, str | None] = {}
    for part in next(csv.reader([text]), []):
        name, equals, column = (piece.strip() for piece in part.partition("="))
        if not equals or not column or name not in known:
            raise InvalidInput(
                "“{strip}” does not map a column; write {known}=Column, with one of {known_2}.",
                strip=part.strip()[:60],
                known=known[0],
                known_2=", ".join(known),
                field="mapping",
            )
        if name in chosen:
            raise InvalidInput("“{name}” is mapped twice.", name=name, field="mapping")
        chosen[name] = column
    return mapping_from(chosen)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read, and what happens to invoices that were refused before.

    `date_format` is a `strptime` pattern, empty for ISO dates. `carrier` is the delivery company of order references
    where no column names one; `carriers` are those that can be asked. `retry_refused` requests again what was refused
    or cancelled before.
    """

    mapping: ColumnMapping
    date_format: str = ""
    carrier: str = MANUAL
    carriers: frozenset[str] = frozenset()
    retry_refused: bool = False
    source: str = "import"


class RowOutcome(StrEnum):
    """What became of a row."""

    APPROVED = "approved"
    REPLAYED = "already_requested"
    REJECTED = "refused_by_limit"
    REFUSED_BEFORE = "refused_before"
    CONFLICT = "conflict"
    NOT_FINANCEABLE = "not_financeable"
    INVALID = "invalid"
    HELD_BACK = "held_back"


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One readable invoice of a file; the amount in minor units, `order_ref` empty when nobody tracks it."""

    line: int
    number: str
    supplier: str
    purchaser: str
    amount: int
    invoice_date: date
    carrier: str
    order_ref: str


@dataclass(frozen=True, slots=True)
class RowResult:
    """The answer to one row; `reason` is a sentence for people, empty when it was approved. Money in minor units."""

    line: int
    number: str
    supplier: str
    purchaser: str
    outcome: RowOutcome
    reason: str = ""
    invoice_id: int | None = None
    amount: int | None = None
    principal: int | None = None

    @property
    def refused(self) -> bool:
        """Whether this invoice is not (and was not) financed."""
        return self.outcome not in {RowOutcome.APPROVED, RowOutcome.REPLAYED}


@dataclass(frozen=True, slots=True)
class ImportFile:
    """The rows that can be read, and a refusal for each that cannot."""

    rows: list[InvoiceRow]
    invalid: list[RowResult]


Seen = dict[tuple[str, ...], int]
"""The line in which a number, or an order, stands first."""


def read_invoices(ctx: Context, table: CsvTable, options: ImportOptions, *, once: bool = True) -> ImportFile:
    """Read every row by the mapping; raises `InvalidInput` for a missing column, a date format or a carrier.

    Unless told that each invoice is there `once`, what stands in it twice is left to `refuse_doubled`.
    """
    if options.date_format:
        check_date_format(options.date_format)
    if options.mapping.order_ref is not None and options.mapping.carrier is None:
        _known_carrier(options.carrier, options)
    places = {
        name: table.column(column, meaning=_SAID[name]) for name, column in options.mapping.columns().items()
    }
    rows: list[InvoiceRow] = []
    invalid: list[RowResult] = []
    seen: Seen = {}
    for record in table.rows:
        values = {name: one_line(record.cells[i]) for name, i in places.items() if i < len(record.cells)}
        try:
            row = _read_row(ctx, record, values, len(table.header), options)
            if once:
                _check_first(row, seen)
        except InvalidInput as error:
            number, supplier, purchaser = (values.get(name, "")[:120] for name in REQUIRED[:3])
            reason = _naming(error, options.mapping)
            invalid.append(RowResult(record.line, number, supplier, purchaser, RowOutcome.INVALID, reason))
        else:
            rows.append(row)
    return ImportFile(rows, invalid)


def _read_row(
    ctx: Context, record: CsvRow, values: dict[str, str], width: int, options: ImportOptions
) -> InvoiceRow:
    if len(record.cells) != width:
        raise InvalidInput(
            "The row has {cells} values where the header has {width} columns.",
            cells=len(record.cells),
            width=width,
        )
    for name, longest in LONGEST.items():
        _check_text(name, values.get(name, ""), longest)
    for name in REQUIRED:
        if not values[name]:
            raise InvalidInput("The {name} is missing.", name=_SAID[name], field=name)
    invoice_date = read_date(latin_digits(values["date"]), options.date_format, field="date")
    if invoice_date > ctx.today:
        raise InvalidInput(
            "The date {invoice_date} is in the future.", invoice_date=invoice_date, field="date"
        )
    order_ref = values.get("order_ref", "")
    carrier = MANUAL
    if order_ref:
        carrier = _known_carrier(values.get("carrier") or options.carrier, options)
        order_ref = _one_spelling(carrier, order_ref)
    return InvoiceRow(
        line=record.line,
        number=values["number"],
        supplier=values["supplier"],
        purchaser=values["purchaser"],
        amount=currency().parse(values["amount"], field="amount"),
        invoice_date=invoice_date,
        carrier=carrier,
        order_ref=order_ref,
    )


def _check_text(name: str, value: str, longest: int) -> None:
    label = _SAID[name]
    if len(value) > longest:
        raise InvalidInput(
            "The {label} has more than {longest} characters.", label=label, longest=longest, field=name
        )
    if not value.isprintable():
        raise InvalidInput("The {label} is not one line of readable text.", label=label, field=name)


def _known_carrier(name: str, options: ImportOptions) -> str:
    if name != MANUAL and name not in options.carriers:
        known = ", ".join(sorted(options.carriers)) or "none"
        raise InvalidInput(
            "The delivery company “{name}” is not configured; configured: {known}.",
            name=name[:40],
            known=known,
            field="carrier",
        )
    return name


def _one_spelling(carrier: str, order_ref: str) -> str:
    """The reference as it is stored. The delivery company is not asked, so a parcel has to name its courier."""
    known = get_carriers().get(carrier)
    if known is None or known.declares_orders:
        return order_ref
    ref = known.parse_reference(order_ref)
    if "/" not in ref:
        raise InvalidInput(
            "Write the courier in front of the tracking number, such as usps/9400….", field="order_ref"
        )
    return ref


def refuse_doubled(rows: Iterable[InvoiceRow], options: ImportOptions) -> list[RowResult]:
    """A refusal for each row, by line, whose number or order stands in one of them before."""
    seen: Seen = {}
    found = []
    for row in rows:
        try:
            _check_first(row, seen)
        except InvalidInput as error:
            reason = _naming(error, options.mapping)
            found.append(
                RowResult(row.line, row.number, row.supplier, row.purchaser, RowOutcome.INVALID, reason)
            )
    return found


def _check_first(row: InvoiceRow, seen: Seen) -> None:
    """An invoice, and an order, may stand in a file once; `seen` remembers the line of each."""
    keys: list[tuple[str, ...]] = [("number", row.supplier.casefold(), row.number)]
    if row.carrier != MANUAL:
        keys.append(("order_ref", row.carrier, row.order_ref))
    for key in keys:
        if key in seen:
            once = (
                say("a number may occur once for each supplier")
                if key[0] == "number"
                else say("an order may occur once")
            )
            raise InvalidInput(
                "“{key}” stands in line {seen} already; {once}.",
                key=key[-1],
                seen=seen[key],
                once=once,
                field=key[0],
            )
    for key in keys:
        seen[key] = row.line


def _naming(error: InvalidInput, mapping: ColumnMapping) -> str:
    """The message with the name of the file's column in front."""
    column = mapping.columns().get(error.field) if error.field else None
    return joined((column, error.message), ": ") if column else error.message
