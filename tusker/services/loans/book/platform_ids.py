"""The lending platform's own loan ids, kept beside ours: one for each invoice, or one for several."""

from collections.abc import Callable, Mapping, Sequence, Set

from tusker.csv.tables import CsvRow, read_table
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_invoices, lock_loans

LONGEST = 60
FIELD = "platform_reference"
COLUMNS = ("invoice", "platform_loan_id")
"""Of a file of loan ids: the invoice's number or our loan id, and the platform's."""
_FAULTS_SHOWN = 20

Called = Callable[[Set[str]], Mapping[str, Sequence[int]]]
"""Finds the ids of the invoices that some texts may mean."""


def platform_reference_of(text: str) -> str | None:
    """The id without blanks around it, None when it is empty; raises `InvalidInput` naming `platform_reference`."""
    line = text.strip()
    if len(line) > LONGEST or not line.isprintable():
        raise InvalidInput(
            "The platform's loan id may have at most {longest} characters on one line.",
            longest=LONGEST,
            field=FIELD,
        )
    return line or None


def set_platform_references(ctx: Context, references: Mapping[int, str]) -> int:
    """Give loans the platform's ids, by invoice id; an empty one takes the loan's away. Returns how many changed.

    Raises `InvalidInput` naming `platform_reference`, `NotFound` when one of the invoices has no loan.
    """
    wanted = {invoice_id: platform_reference_of(text) for invoice_id, text in references.items()}
    loans = lock_loans([invoice.id for invoice in lock_invoices(wanted)])
    if len(loans) != len(wanted):
        raise NotFound("Nothing was disbursed for this invoice.")
    changed = [loan for loan in loans.values() if loan.platform_reference != wanted[loan.invoice_id]]
    for loan in changed:
        note_platform_reference(ctx, loan.invoice_id, loan.platform_reference, wanted[loan.invoice_id])
        loan.platform_reference = wanted[loan.invoice_id]
    db.session.flush()
    return len(changed)


def note_platform_reference(ctx: Context, invoice_id: int, before: str | None, after: str | None) -> None:
    """Write the event of a loan id given, corrected or taken away."""
    record_event(ctx, ("invoice", invoice_id), "platform_loan_id", from_value=before, to_value=after)


def read_platform_references(data: bytes, called: Called) -> dict[int, str]:
    """The platform's loan ids of a CSV file, by invoice id; `called` says which invoices a text may mean.

    Raises `InvalidInput` for `file`, with line and column of each row that cannot be used.
    """
    table = read_table(data)
    at_invoice, at_reference = (table.column(name) for name in COLUMNS)
    rows = [(row, _cell(row, at_invoice), _cell(row, at_reference)) for row in table.rows]
    known = called({name for _, name, _ in rows})
    found: dict[int, str] = {}
    faults: list[str] = []
    for row, name, text in rows:
        try:
            invoice_id = _the_one(name, known.get(name, ()))
            if invoice_id in found:
                raise InvalidInput("“{name}” is named before already.", name=name[:60], field=COLUMNS[0])
            found[invoice_id] = _given(text)
        except InvalidInput as error:
            faults.append(_fault(row, error))
    if faults:
        more = len(faults) - _FAULTS_SHOWN
        faults[_FAULTS_SHOWN:] = [say("And {n} more.", n=more)] if more > 0 else []
        raise InvalidInput(joined(faults, " "), field="file")
    return found


def _cell(row: CsvRow, place: int) -> str:
    return row.cells[place] if place < len(row.cells) else ""


def _the_one(name: str, invoice_ids: Sequence[int]) -> int:
    if not invoice_ids:
        raise InvalidInput("No loan is called “{name}”.", name=name[:60], field=COLUMNS[0])
    if len(invoice_ids) > 1:
        raise InvalidInput(
            "Several invoices are called “{name}”; give our loan id instead.",
            name=name[:60],
            field=COLUMNS[0],
        )
    return invoice_ids[0]


def _given(text: str) -> str:
    reference = platform_reference_of(text)
    if reference is None:
        raise InvalidInput("The platform's loan id is missing.", field=FIELD)
    return reference


def _fault(row: CsvRow, error: InvalidInput) -> str:
    column = COLUMNS[1] if error.field == FIELD else error.field
    return say("Line {line}, {column}: {problem}", line=row.line, column=column, problem=error.message)
