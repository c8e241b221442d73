"""What a person ticked and typed on the page of a disbursal."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask import request

from tusker.domain.texts import is_id
from tusker.errors import InvalidInput

LOAN_FIELD = "platform_reference_"
CHOICE_FIELD = "invoice_ids"
SHOWN_FIELD = "shown_ids"


@dataclass(frozen=True, slots=True)
class Choice:
    """The boxes of a form: those ticked, and those shown (None where the form had a box for every line)."""

    ticked: Collection[int]
    shown: Collection[int] | None


def typed_references() -> dict[int, str]:
    """The platform's loan ids by invoice id, from the inputs in the table."""
    return {
        int(name.removeprefix(LOAN_FIELD)): text.strip()
        for name, text in request.form.items()
        if name.startswith(LOAN_FIELD) and name.removeprefix(LOAN_FIELD).isdecimal() and text.strip()
    }


def given_choice() -> Choice:
    """The boxes of the form; raises `InvalidInput` for anything that is not a number.

    A form that shows only some of the lines names them in `shown_ids`, which may be empty.
    """
    shown = [value for value in request.form.getlist(SHOWN_FIELD) if value]
    return Choice(
        _numbers(request.form.getlist(CHOICE_FIELD)),
        _numbers(shown) if SHOWN_FIELD in request.form else None,
    )


def _numbers(values: Sequence[str]) -> list[int]:
    if not all(map(is_id, values)):
        raise InvalidInput("One of the chosen invoices does not exist.", field=CHOICE_FIELD)
    return [int(value) for value in values]
