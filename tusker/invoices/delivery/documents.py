"""The document of an invoice: sending it in and opening it."""

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge

from tusker.errors import InvalidInput, NotFound, TuskerError
from tusker.invoices.blueprint import bp
from tusker.invoices.opening import open_file
from tusker.invoices.page import PAGE, done_with, file_context
from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.invoices import invoice_in
from tusker.queries.delivery.documents import document_of
from tusker.services.delivery.document_files import FIELD, CheckedFile, check_file, largest, too_large
from tusker.services.delivery.invoice_documents import keep_document
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id, my_scope
from tusker.web.errors import answer_http_error
from tusker.web.files.sent import file_answer
from tusker.web.forms.form import ReasonForm
from tusker.web.htmx import render


def sent_document() -> CheckedFile | None:
    """The document that came with the form, checked; None without one. Raises `InvalidInput` naming `document`."""
    file = request.files.get(FIELD)
    if file is None or not file.filename:
        return None
    return check_file(file.filename, file.stream.read(largest() + 1))


@bp.post("/<int:invoice_id>/documents")
@allow(Role.SUPPLIER, Role.ADMIN, costly=True)
def send_document(invoice_id: int) -> ResponseReturnValue:
    """A supplier sends in documents of its own invoices, an admin of any."""
    invoice_in(my_scope(), invoice_id)
    owner = current_company_id() if current_user.role == Role.SUPPLIER else None
    ctx = acting()
    try:
        file = sent_document()
        if file is None:
            raise InvalidInput("Choose a file.", field=FIELD)
        with transaction():
            keep_document(ctx, invoice_id, file, supplier_id=owner)
    except NotFound:
        raise
    except TuskerError as error:
        return _not_taken(invoice_id, error)
    return done_with(invoice_id, say("The document is with the invoice."))


@bp.get("/<int:invoice_id>/documents/<int:document_id>")
@allow()
def document(invoice_id: int, document_id: int) -> ResponseReturnValue:
    """A document's file: shown by the browser, or with `download` saved."""
    invoice_in(my_scope(), invoice_id)
    return file_answer(document_of(invoice_id, document_id), download="download" in request.args)


@bp.errorhandler(RequestEntityTooLarge)
def body_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Say of a document that is too large how large one may be."""
    if request.endpoint in {"invoices.new", "invoices.dispute_delivery"}:
        return current_app.handle_user_exception(too_large())
    allowed = current_user.is_authenticated and current_user.role in {Role.SUPPLIER, Role.ADMIN}
    if request.endpoint != "invoices.send_document" or not allowed:
        return answer_http_error(error)
    try:
        return _not_taken((request.view_args or {})["invoice_id"], too_large())
    except NotFound as unseen:
        return current_app.handle_user_exception(unseen)


def _not_taken(invoice_id: int, error: TuskerError) -> ResponseReturnValue:
    file = open_file(invoice_id, ReasonForm(formdata=None))
    return render(PAGE, status=error.http_status, document_error=error.message, **file_context(file))
