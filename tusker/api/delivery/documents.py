"""The documents of invoices in `/api/v1`."""

from flask import request, url_for

from tusker import models
from tusker.api import inputs
from tusker.api.credit import invoice_schemas
from tusker.api.endpoints import Operation, Reply
from tusker.domain.files import MediaType
from tusker.errors import existing
from tusker.messages import say
from tusker.queries import api as queries
from tusker.queries.delivery.documents import document_of, documents_of
from tusker.services.delivery.document_files import check_file
from tusker.services.delivery.invoice_documents import keep_document
from tusker.services.people.tokens import Caller
from tusker.transactions import transaction
from tusker.web.files.sent import file_answer
from tusker.web.guards.costly import place_of

_RULE = "/invoices/<int:invoice_id>/documents"


@Operation(
    "POST",
    _RULE,
    tag="Invoices",
    query=inputs.DocumentQuery,
    answer=invoice_schemas.Document,
    answers={201: "It is with the invoice."},
    problems=("not_allowed", "not_found", "conflict", "duplicate"),
    takes_file=True,
)
def send_document(*, caller: Caller, query: inputs.DocumentQuery, invoice_id: int) -> Reply:
    """Send in the document of an invoice.

    The body is the file itself: PDF, PNG or JPEG, known by its content. It replaces an earlier one, which is kept; the
    same file again is a `duplicate`.
    """
    supplier_id = caller.supplier_id()
    content = request.get_data()  # it may take long: before a query, and without a place
    existing(queries.company_invoice(supplier_id, invoice_id), say("invoice"))
    with place_of(f"token:{caller.token_id}"):
        file = check_file(query.name, content)
    with transaction():
        kept = keep_document(caller.context(), invoice_id, file, supplier_id=supplier_id)
        shown = _shown(kept)
    where = url_for("api.open_document", invoice_id=invoice_id, document_id=shown.id)
    return Reply(shown, 201, {"Location": where})


@Operation(
    "GET",
    _RULE,
    tag="Invoices",
    answer=invoice_schemas.DocumentList,
    answers={200: "All of them."},
    problems=("not_found",),
)
def documents(*, caller: Caller, invoice_id: int) -> Reply:
    """List the documents of an invoice.

    Those that were sent in, the newest first; their files are read one by one.
    """
    existing(queries.company_invoice(caller.company_id, invoice_id), say("invoice"))
    return Reply(invoice_schemas.DocumentList(items=[_shown(each) for each in documents_of(invoice_id)]))


@Operation(
    "GET",
    f"{_RULE}/<int:document_id>",
    tag="Invoices",
    answers={200: "The file."},
    problems=("not_found",),
    file_types=tuple(MediaType),
)
def open_document(*, caller: Caller, invoice_id: int, document_id: int) -> Reply:
    """One document's file.

    As it was sent in, byte for byte.
    """
    existing(queries.company_invoice(caller.company_id, invoice_id), say("invoice"))
    return Reply(file_answer(document_of(invoice_id, document_id), download=True))


def _shown(document: models.ShipmentDocument) -> invoice_schemas.Document:
    return invoice_schemas.Document.of(
        document, name=document.file_name, sha256=document.digest, not_valid=document.invalid_reason
    )
