"""Requests for financing from a file: upload, choose the columns, preview, import."""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.admin.blueprint import bp
from tusker.admin.credit.import_files import find_result, find_upload, keep_result, keep_upload
from tusker.admin.credit.import_forms import MappingForm, UploadForm, guess
from tusker.carriers.base import Carrier
from tusker.carriers.registry import get_carriers
from tusker.csv.tables import CsvTable, read_table
from tusker.currency import currency
from tusker.errors import NotFound, TuskerError
from tusker.models import Role
from tusker.queries.credit.invoice_files import newest_files
from tusker.services.credit.importing.file import read_invoices
from tusker.services.credit.importing.large import LARGE, PART, keep_file
from tusker.services.credit.importing.running import ImportReport, run_import
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.files.csvfile import csv_answer
from tusker.web.htmx import render

PREVIEW_ROWS = 5
SHOWN_REFUSALS = 200
FILES_SHOWN = 10
REFUSAL_COLUMNS = ("line", "number", "supplier", "purchaser", "amount", "outcome", "reason")


@bp.get("/import")
@allow(Role.ADMIN, Role.AUDITOR)
def import_invoices() -> ResponseReturnValue:
    """First step: the file."""
    return _show_upload(UploadForm())


@bp.post("/import")
@allow(Role.ADMIN, costly=True)
def import_upload() -> ResponseReturnValue:
    """Keep the file for an hour, under a token that only this person can use; a large one until it is imported."""
    form = UploadForm()
    if form.validate():
        data = form.file.filled.read(LARGE)
        name = (form.file.filled.filename or "")[:120]
        try:
            if len(data) == LARGE:
                parts = chain([data], iter(lambda: form.file.filled.read(PART), b""))
                with transaction():
                    file_id = keep_file(acting(), parts, name).id
                return redirect(url_for("admin.large_import", file_id=file_id), 303)
            read_table(data)
            token = keep_upload(current_user.id, name, data)
        except TuskerError as error:
            form.take(error)
        else:
            return redirect(url_for("admin.import_columns", token=token), 303)
    return _show_upload(form)


@bp.route("/import/<token>", methods=["GET", "POST"])
@allow(Role.ADMIN, costly=True)
def import_columns(token: str) -> ResponseReturnValue:
    """Second step: the columns. The button pressed says whether to preview or to import."""
    upload = find_upload(current_user.id, token)
    table = read_table(upload.data)
    carriers = get_carriers()
    form = MappingForm(table, carriers, data=_defaults(token, table, carriers))
    if form.validate_on_submit():
        try:
            report = _run(form, table, dry_run=request.form.get("action") != "import")
        except TuskerError as error:
            form.take(error)
        else:
            result = {**report.as_dict(), "file": upload.name, "chosen": form.chosen()}
            if keep_result(current_user.id, token, result):
                return redirect(url_for("admin.import_result", token=token), 303)
            return _show_result(token, result)
    return render(
        "admin/credit/import_columns.html",
        form=form,
        upload=upload,
        file=table,
        preview=table.rows[:PREVIEW_ROWS],
    )


@bp.get("/import/<token>/result")
@allow(Role.ADMIN)
def import_result(token: str) -> ResponseReturnValue:
    """The result of the last import or preview, with its refusals."""
    return _show_result(token, find_result(current_user.id, token))


@bp.get("/import/<token>/refusals.csv")
@allow(Role.ADMIN, costly=True)
def import_refusals(token: str) -> ResponseReturnValue:
    """All refusals as a CSV file, to be corrected and imported again."""
    return refusals_file(find_result(current_user.id, token)["refusals"])


def refusals_file(refusals: Iterable[Mapping[str, Any]]) -> Response:
    """Refused rows as CSV, amounts in major units."""
    major = currency().major
    rows = (
        [major(row[c]) if c == "amount" and row[c] is not None else row[c] for c in REFUSAL_COLUMNS]
        for row in refusals
    )
    return csv_answer("refusals.csv", REFUSAL_COLUMNS, rows)


def _show_upload(form: UploadForm) -> ResponseReturnValue:
    return render("admin/credit/import.html", form=form, files=newest_files(FILES_SHOWN))


def _defaults(token: str, table: CsvTable, carriers: Mapping[str, Carrier]) -> dict[str, Any]:
    """What was chosen for this file before, else the guess."""
    try:
        chosen: dict[str, Any] = find_result(current_user.id, token)["chosen"]
    except NotFound:
        return guess(table, carriers)
    return chosen


def _run(form: MappingForm, table: CsvTable, *, dry_run: bool) -> ImportReport:
    ctx = acting()
    options = form.options()
    file = read_invoices(ctx, table, options)
    return run_import(
        ctx,
        file,
        options,
        transaction=transaction,
        all_or_nothing=form.all_or_nothing.data,
        dry_run=dry_run,
    )


def _show_result(token: str, result: dict[str, Any]) -> ResponseReturnValue:
    return render(
        "admin/credit/import_result.html",
        token=token,
        result=result,
        refusals=result["refusals"][:SHOWN_REFUSALS],
    )
