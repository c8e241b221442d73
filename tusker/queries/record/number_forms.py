"""The forms in which numbers compare, recomputed from the numbers as they are printed."""

from dataclasses import asdict

from sqlalchemy import text

from tusker.domain.numbers import loose_forms, strict_form
from tusker.extensions import db
from tusker.queries.record.proof import Mismatch, Part

_NUMBERS = """
    SELECT id, number, number_strict, number_loose FROM {} WHERE number <> '' AND id % :of = :number ORDER BY id
"""


def wrong_number_forms(*, part: Part | None = None) -> list[Mismatch]:
    """Numbers of invoices and credit notes whose kept forms are not those of the number; of all, or of a `part`.

    One that was doubled when the forms came has its id behind the strict one.
    """
    found = []
    chosen = part or Part(0, 1)
    for table, what in (
        ("invoices", "forms of the number"),
        ("credit_notes", "forms of the credit note's number"),
    ):
        # The names are the constants above.
        rows = db.session.execute(
            text(_NUMBERS.format(table)).execution_options(yield_per=5_000), asdict(chosen)
        )
        for row in rows:
            strict = strict_form(row.number)
            same = row.number_strict in {strict, f"{strict} #{row.id}"}
            if not same or sorted(row.number_loose) != loose_forms(row.number):
                found.append(Mismatch(what, row.number, 0, 1))
    return found
