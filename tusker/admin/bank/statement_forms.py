"""The forms of bank statements, and reading what their buttons send."""

import re

from flask_wtf.file import FileRequired
from werkzeug.datastructures import MultiDict

from tusker.admin.loans.receipts.forms import typed_deductions
from tusker.domain.bank.judgements import Suggestion
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.services.loans.deductions.recording import KeptBack
from tusker.web.forms.fields import UploadField
from tusker.web.forms.form import Form

TOO_LARGE = say("The file is larger than 20 MB; ask the bank for smaller files.")
_CHOICE = re.compile(r"([0-9]{1,18})\|([0-9]{1,18}:[0-9]{1,18}(?:,[0-9]{1,18}:[0-9]{1,18}){0,99})")


ENDINGS = ".xml,.csv,.txt,.xls,.xlsx,.xlsb,.ods,.053,.sta,.940,.ofx,.gz,.zip"
"""What the browser offers first; every file is known by what is in it."""


class StatementForm(Form):
    file = UploadField(
        say("Statement"),
        validators=[FileRequired(say("Choose a statement file."))],
        description=(
            say(
                "camt, MT940, OFX, Excel, ODS or CSV, packed or not, at most 20 MB. The same file or "
                "entry twice adds nothing."
            )
        ),
        render_kw={"accept": f"{ENDINGS},text/csv,text/xml,application/xml"},
    )


def choice_of(suggestion: Suggestion) -> str:
    """The value of a suggestion's button or radio: who pays, and what each loan gets."""
    parts = ",".join(f"{part.loan.loan_id}:{part.amount}" for part in suggestion.parts)
    return f"{suggestion.customer_id}|{parts}"


def read_choice(text: str) -> tuple[int, dict[int, int]]:
    """The customer and what each loan gets in minor units; raises `InvalidInput` for anything else."""
    found = _CHOICE.fullmatch(text)
    if found is None:
        raise InvalidInput("Choose what this payment is for.", field="choice")
    parts = [part.split(":") for part in found[2].split(",")]
    splits = {int(loan_id): int(amount) for loan_id, amount in parts}
    if len(splits) != len(parts):
        raise InvalidInput("Each loan may be named once only.", field="choice")
    return int(found[1]), splits


def read_kept_back(form: MultiDict[str, str]) -> list[KeptBack]:
    """What the payer keeps back, as typed beside the choice; raises `InvalidInput` naming `kept_back`."""
    typed = typed_deductions(form).values()
    for each in typed:
        if each.problem:
            raise InvalidInput(
                "Kept back: {value}", value=each.problem.removeprefix("kept back: "), field="kept_back"
            )
    return [each.kept for each in typed if each.kept]


def entry_ids(texts: list[str]) -> list[int]:
    """The ids that a form sends; raises `InvalidInput` for anything that is not a number."""
    if not texts or not all(map(is_id, texts)):
        raise InvalidInput("Choose entries of this statement.", field="entry_ids")
    return [int(text) for text in texts]
