"""Large files of invoices: their columns, how far a worker is, and every refusal."""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.credit.import_forms import SAMPLE, MappingForm, guess
from tusker.admin.credit.imports import PREVIEW_ROWS, SHOWN_REFUSALS, refusals_file
from tusker.carriers.registry import get_carriers
from tusker.errors import TuskerError
from tusker.messages import say
from tusker.models import FileState, Role
from tusker.queries.credit.invoice_files import invoice_file, number_refused, refusals_of
from tusker.redis.queues import enqueue
from tusker.services.credit.importing.large import (
    IMPORT_JOB,
    LONGEST_SECONDS,
    cancel_file,
    first_rows,
    start_file,
)
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.htmx import done, render


@bp.get("/import/files/<int:file_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def large_import(file_id: int) -> ResponseReturnValue:
    """The columns of a large file; once it was started, how far it is and what was refused."""
    file = invoice_file(file_id)
    if file.state == FileState.KEPT:
        table = first_rows(file_id, SAMPLE)
        carriers = get_carriers()
        return _show_columns(file_id, MappingForm(table, carriers, data=guess(table, carriers)))
    return render(
        "admin/credit/import_large.html",
        file=file,
        refused=number_refused(file_id),
        refusals=list(refusals_of(file_id, limit=SHOWN_REFUSALS)) if file.settled_at else [],
    )


@bp.post("/import/files/<int:file_id>")
@allow(Role.ADMIN, costly=True)
def start_large_import(file_id: int) -> ResponseReturnValue:
    """Leave the file to a worker."""
    form = MappingForm(first_rows(invoice_file(file_id).id, SAMPLE), get_carriers())
    if form.validate_on_submit():
        try:
            with transaction():
                start_file(acting(), file_id, form.options())
        except TuskerError as error:
            form.take(error)
        else:
            enqueue(IMPORT_JOB, file_id, job_timeout=LONGEST_SECONDS)
            return redirect(url_for("admin.large_import", file_id=file_id), 303)
    return _show_columns(file_id, form)


@bp.get("/import/files/<int:file_id>/refusals.csv")
@allow(Role.ADMIN, Role.AUDITOR, costly=True)
def large_refusals(file_id: int) -> ResponseReturnValue:
    """All refusals of a large file as CSV, to be corrected and imported again."""
    return refusals_file(map(vars, refusals_of(invoice_file(file_id).id)))


@bp.post("/import/files/<int:file_id>/cancel")
@allow(Role.ADMIN)
def cancel_large_import(file_id: int) -> ResponseReturnValue:
    """Stop it after the rows that are being requested."""
    with transaction():
        cancel_file(acting(), file_id)
    return done(
        say("The import is cancelled."), to=url_for("admin.large_import", file_id=file_id), category="info"
    )


def _show_columns(file_id: int, form: MappingForm) -> ResponseReturnValue:
    file, table = invoice_file(file_id), first_rows(file_id, PREVIEW_ROWS)
    return render(
        "admin/credit/import_columns.html",
        form=form,
        large=file,
        here=request.path,
        file=table,
        preview=table.rows,
    )
