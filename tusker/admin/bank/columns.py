"""Tables whose heads are not known: a person says what each column is, sees the entries, and it is remembered."""

import hashlib
from dataclasses import dataclass

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.bankfiles.statements import outline_in
from tusker.bankfiles.tables.columns.heads import guessed
from tusker.bankfiles.tables.columns.meanings import FIELDS
from tusker.bankfiles.tables.columns.places import stands_for_heads
from tusker.bankfiles.tables.columns.profiles import Outline, checked_profile, field_words
from tusker.currency import currency
from tusker.domain.bank.banking import Statement
from tusker.errors import Conflict, TuskerError
from tusker.messages import say
from tusker.models import Role, StatementUpload, UploadState
from tusker.queries.bank.statements import content_of, statement_profiles, uploaded
from tusker.redis.queues import enqueue
from tusker.services.bank import profiles as service
from tusker.services.bank.file import read_configured
from tusker.services.bank.uploads import READ_JOB, READ_SECONDS
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.htmx import done, render

ENTRIES_SHOWN = 12
CHOICES = [("", say("not read")), *((name, field_words(name)) for name in FIELDS)]
ORDERS = (
    ("", say("as the file shows")),
    ("dmy", say("day first (31/01)")),
    ("mdy", say("month first (01/31)")),
)
MARKS = (("", say("as the file shows")), (".", "1,234.56"), (",", "1.234,56"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the form holds: the field of each column, the order of days, the decimal mark."""

    fields: tuple[str, ...]
    order: str = ""
    mark: str = ""

    @property
    def print(self) -> str:
        """Tells whether the entries were shown by the same choices."""
        return hashlib.sha256("\x1f".join((*self.fields, self.order, self.mark)).encode()).hexdigest()


@bp.get("/statements/uploads/<int:upload_id>/columns")
@allow(Role.ADMIN)
def statement_columns(upload_id: int) -> ResponseReturnValue:
    """The columns of a file whose heads are not known, with its first rows."""
    upload = uploaded(upload_id)
    if upload.state != UploadState.UNCLEAR:
        return redirect(url_for("admin.statement_upload", upload_id=upload_id))
    outline = _outline(upload)
    return _show(upload, outline, Chosen(guessed(outline.heads, currency().code)))


@bp.post("/statements/uploads/<int:upload_id>/columns")
@allow(Role.ADMIN, costly=True)
def choose_columns(upload_id: int) -> ResponseReturnValue:
    """Show the first entries as they would be read; once they were seen, remember the columns and import the file."""
    upload = uploaded(upload_id)
    outline = _outline(upload)
    sent = request.form
    chosen = Chosen(
        tuple(sent.get(f"column{place}", "") for place in range(len(outline.heads))),
        sent.get("order", ""),
        sent.get("mark", ""),
    )
    try:
        profile = checked_profile(outline.heads, chosen.fields, chosen.order, chosen.mark)
        read = read_configured(content_of(upload), upload.file_name, by=profile)
        if sent.get("do") != "import" or sent.get("shown") != chosen.print:
            return _show(upload, outline, chosen, statements=read.statements)
        with transaction():
            service.read_upload_by(acting(), upload_id, profile)
    except Conflict:
        raise
    except TuskerError as error:
        return _show(upload, outline, chosen, problem=error.message)
    enqueue(READ_JOB, upload_id, job_timeout=READ_SECONDS)
    return done(say("The columns are saved."), to=url_for("admin.statement_upload", upload_id=upload_id))


@bp.post("/statements/uploads/<int:upload_id>/give-up")
@allow(Role.ADMIN)
def give_up_upload(upload_id: int) -> ResponseReturnValue:
    """Do not import a file whose columns are not known."""
    with transaction():
        service.give_up_upload(acting(), upload_id)
    return done(say("The file is not imported."), to=url_for("admin.statements"), category="info")


@bp.get("/statements/columns")
@allow(Role.ADMIN, Role.AUDITOR)
def statement_profiles_list() -> ResponseReturnValue:
    """What is remembered of tables whose heads are not known."""
    rows = [(row, service.profile_words(row)) for row in statement_profiles()]
    return render("admin/bank/profiles.html", rows=rows)


@bp.post("/statements/columns/<int:profile_id>/remove")
@allow(Role.ADMIN)
def remove_statement_profile(profile_id: int) -> ResponseReturnValue:
    with transaction():
        service.remove_profile(acting(), profile_id)
    return done(say("The saved columns are removed."), to=url_for("admin.statement_profiles_list"))


def _outline(upload: StatementUpload) -> Outline:
    outline = outline_in(content_of(upload)) if upload.state == UploadState.UNCLEAR else None
    if outline is None:
        raise Conflict("The columns of this file have been decided already.")
    return outline


def _show(
    upload: StatementUpload,
    outline: Outline,
    chosen: Chosen,
    *,
    statements: tuple[Statement, ...] = (),
    problem: str = "",
) -> Response:
    columns = [
        (
            place,
            head,
            chosen.fields[place],
            [row.cells[place] for row in outline.rows if place < len(row.cells)],
        )
        for place, head in enumerate(outline.heads)
    ]
    return render(
        "admin/bank/columns.html",
        status=422 if problem else 200,
        upload=upload,
        line=outline.line,
        by_place=stands_for_heads(outline.heads),
        columns=columns,
        chosen=chosen,
        statements=statements,
        problem=problem,
        choices=CHOICES,
        orders=ORDERS,
        marks=MARKS,
        shown=ENTRIES_SHOWN,
    )
