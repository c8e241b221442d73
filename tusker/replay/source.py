"""The file of a replay: receivables with the day on which each was really settled."""

from dataclasses import dataclass
from datetime import date

from tusker.csv.dates import check_date_format, read_date
from tusker.csv.tables import CsvRow, read_table
from tusker.currency import currency
from tusker.errors import InvalidInput

COLUMNS = {
    "supplier": "countryCode",
    "purchaser": "customerID",
    "number": "invoiceNumber",
    "amount": "InvoiceAmount",
    "invoice_date": "InvoiceDate",
    "settled_on": "SettledDate",
}


@dataclass(frozen=True, slots=True)
class Receivable:
    """One invoice of the past; the amount in minor units."""

    supplier: str
    purchaser: str
    number: str
    amount: int
    invoice_date: date
    settled_on: date


def read_receivables(data: bytes, date_format: str) -> list[Receivable]:
    """Read the whole file by the columns of `COLUMNS`, in its order.

    Raises `InvalidInput` naming line and column: a replay of half a file would prove nothing.
    """
    check_date_format(date_format)
    table = read_table(data)
    places = {name: table.column(column) for name, column in COLUMNS.items()}
    found: dict[tuple[str, str], Receivable] = {}
    for record in table.rows:
        receivable = _read(record, places, date_format)
        key = (receivable.supplier, receivable.number)
        if key in found:
            raise _wrong(record, "number", f"the invoice {receivable.number} occurs twice.")
        found[key] = receivable
    return list(found.values())


def _read(record: CsvRow, places: dict[str, int], date_format: str) -> Receivable:
    values = {name: record.cells[i] for name, i in places.items() if i < len(record.cells)}
    for name, column in COLUMNS.items():
        if not values.get(name):
            raise _wrong(record, name, f"{column} is missing.")
    try:
        receivable = Receivable(
            supplier=values["supplier"],
            purchaser=values["purchaser"],
            number=values["number"],
            amount=currency().parse(values["amount"], field="amount"),
            invoice_date=read_date(values["invoice_date"], date_format, field="invoice_date"),
            settled_on=read_date(values["settled_on"], date_format, field="settled_on"),
        )
    except InvalidInput as error:
        raise _wrong(record, error.field or "", error.message) from None
    for name in ("supplier", "purchaser", "number"):
        if len(values[name]) > 60:
            raise _wrong(record, name, "more than 60 characters.")
    if receivable.supplier == receivable.purchaser:
        raise _wrong(record, "purchaser", "supplier and purchaser are the same.")
    if receivable.settled_on < receivable.invoice_date:
        raise _wrong(record, "settled_on", "settled before the invoice was written.")
    return receivable


def _wrong(record: CsvRow, name: str, message: str) -> InvalidInput:
    column = COLUMNS.get(name, name)
    words = "line {line}, column {column}: {message}"
    return InvalidInput(words, field=column, line=record.line, column=column, message=message)
