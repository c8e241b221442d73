"""The page of one bank statement, as every action on it shows it again, and what its buttons send."""

import re
from functools import partial
from typing import Any

from flask import Response, request, url_for
from flask_wtf.file import FileRequired
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.admin.loans.deductions.forms import KINDS as DEDUCTION_KINDS
from tusker.admin.loans.receipts.forms import typed_deductions
from tusker.domain.bank.judgements import Judgement, Suggestion, Verdict
from tusker.domain.loans.sums import OpenLoan
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.models import EntryState
from tusker.queries.bank.candidates import judge_entries
from tusker.queries.bank.statements import entries_page, outcomes_of, statement_row
from tusker.queries.loans.receipts.listing import names_of_customers
from tusker.services.bank.decisions import shown_suggestion
from tusker.services.bank_entries import own_reference
from tusker.services.loans.deductions.recording import KeptBack
from tusker.web.forms.fields import UploadField
from tusker.web.forms.form import Form
from tusker.web.htmx import Undo, done, render
from tusker.web.pages.finding import remember
from tusker.web.paging import page_of

TABS = ("open", "parked", "payouts", "done")
ENTRIES_SHOWN = 30
"""Entries of one page: each may be offered with several ways to settle it, and a page stays below 300 kB."""


def shown_tab() -> str:
    """The tab named in the address or in the form of an action."""
    wanted = request.values.get("show", "open")
    return wanted if wanted in TABS else "open"


def show_statement(statement_id: int) -> Response:
    """The whole page, or the statement alone for htmx."""
    context = statement_context(statement_id, shown_tab())
    remember("statement", statement_id, context["row"].reference or context["row"].file_name)
    return render("admin/bank/statement.html", **context)


def changed(
    statement_id: int, message: str, category: str = "success", *, undo: Undo | None = None
) -> Response:
    """Answer an action: with htmx the changed statement, without it a redirect to its page."""
    show = shown_tab()
    return done(
        message,
        to=url_for("admin.statement", statement_id=statement_id, show=None if show == "open" else show),
        partial="admin/bank/_statement.html",
        category=category,
        undo_by=undo,
        **statement_context(statement_id, show),
    )


def statement_context(statement_id: int, show: str) -> dict[str, Any]:
    """What the templates of a statement need, in a fixed number of queries."""
    row = statement_row(statement_id)
    page = page_of(partial(entries_page, statement_id, show), size=ENTRIES_SHOWN)
    doubtful = [entry for entry in page.items if entry.state == EntryState.IN_DOUBT]
    open_ones = [entry for entry in page.items if entry.state != EntryState.IN_DOUBT]
    judged = judge_entries(open_ones, clock.today()) if show == "open" else {}
    sure = {entry_id for entry_id, found in judged.items() if found.verdict is Verdict.SURE}
    ready = [entry for entry in open_ones if entry.id in sure and not entry.note]
    ready_ids = {entry.id for entry in ready}
    payers = {each.customer_id for found in judged.values() for each in found.suggestions}
    rest = [entry for entry in open_ones if entry.id not in ready_ids]
    return {
        "row": row,
        "show": show,
        "page": page,
        "judged": judged,
        "ready": ready,
        "choose": [entry for entry in rest if entry.id in judged],
        "doubtful": doubtful,
        "look": [entry for entry in rest if entry.id not in judged],
        "ready_total": sum(entry.amount for entry in ready),
        "outcomes": outcomes_of(page.items),
        "customers": names_of_customers(payers),
        "choice_of": choice_of,
        "shown": {
            entry.id: [shown_suggestion(entry, each) for each in judged[entry.id].suggestions]
            for entry in open_ones
            if entry.id in judged
        },
        "own_reference": own_reference,
        "short": {entry_id: _paid_in_part(found) for entry_id, found in judged.items()},
        "deduction_kinds": DEDUCTION_KINDS,
    }


def _paid_in_part(found: Judgement) -> list[OpenLoan]:
    """The loans that a credit may pay in part only, each once: of these something may be kept back."""
    parts = [part for suggestion in found.suggestions for part in suggestion.parts if part.amount < part.due]
    return list({part.loan.invoice_id: part.loan for part in parts}.values())


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
