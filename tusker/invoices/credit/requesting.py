"""Requesting financing: the form, the quote while it is filled in, and the request."""

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.carriers.base import CarrierError
from tusker.carriers.registry import get_carrier, get_carriers
from tusker.currency import currency
from tusker.domain.credit.limits import Bound, LineState
from tusker.errors import InvalidInput, TermsChanged, TuskerError
from tusker.invoices.blueprint import bp
from tusker.invoices.credit.preview import Preview
from tusker.invoices.delivery.documents import sent_document
from tusker.invoices.forms import RequestForm
from tusker.messages import joined, say
from tusker.models import Role
from tusker.queries.credit.credit_lines import lines_page
from tusker.queries.credit.customers import supplier_choices
from tusker.services.credit.requesting.financing import Decision, request_financing
from tusker.services.credit.requesting.subject import (
    RequestSubject,
    fetch_subject,
    quote_fetched,
    quote_subject,
    subject_of,
)
from tusker.services.delivery.document_files import FIELD, CheckedFile, content_to_keep
from tusker.services.delivery.invoice_documents import keep_document
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.guards.costly import costly_part
from tusker.web.htmx import done, render

PAGE, FORM, QUOTE = "invoices/credit/new.html", "invoices/credit/_request.html", "invoices/credit/_quote.html"

SHORTEST_REF = 3
"""Shorter texts are still being typed: the delivery company is not asked about them."""

BOUND_WORDS = {
    Bound.CREDIT_LINE: say("the credit line's limit"),
    Bound.SUPPLIER: say("the supplier's limit"),
    Bound.PURCHASER: say("the purchaser's limit"),
}


@bp.route("/new", methods=["GET", "POST"])
@allow(Role.SUPPLIER, Role.ADMIN)
def new() -> ResponseReturnValue:
    """The request page. Its buttons send `check` (show the figures), `request` (on the figures shown), or `fields`
    (another delivery company or supplier was chosen: show its fields)."""
    if request.method == "GET":
        form = _form(request.args)
        return render(PAGE, QUOTE, form=form, preview=_preview_of(form))
    form = _form()
    if request.form.get("action") == "fields":
        return _page(form, Preview(), 200)
    if not form.validate_on_submit():
        return _page(form, Preview(), 422)
    agreed = request.form.get("terms_version", type=int)
    if request.form.get("action") == "request" and agreed is not None:
        return _request(form, agreed)
    shown = _quoted(form)
    return _page(form, shown, 200) if shown.error is None else _not_taken(form, shown.error)


@bp.get("/new/fields")
@allow(Role.SUPPLIER, Role.ADMIN)
def request_fields() -> ResponseReturnValue:
    """The form for another delivery company or supplier, with what was typed so far."""
    form = _form(request.args)
    return render(PAGE, FORM, form=form, preview=_preview_of(form))


@bp.get("/quote")
@allow(Role.SUPPLIER, Role.ADMIN)
def quote() -> ResponseReturnValue:
    """The quote alone, while the form is filled in; problems are part of the answer and not HTTP errors."""
    form = _form(request.args)
    return render(PAGE, QUOTE, status=200, form=form, preview=_preview_of(form, checked=True))


def _form(given: MultiDict[str, str] | None = None) -> RequestForm:
    """The form with what this person may choose; GET arguments fill it in."""
    form = RequestForm() if given is None else RequestForm(given)
    suppliers = supplier_choices() if current_user.role == Role.ADMIN else None
    carriers = get_carriers()
    if form.carrier.data not in carriers and given is not None and carriers:
        form.carrier.data = next(iter(carriers))
    chosen = carriers.get(form.carrier.data or next(iter(carriers), ""))
    lines = None
    if chosen is not None and not chosen.declares_orders:
        lines = _line_choices(form.supplier_id.data if suppliers is not None else current_company_id())
    form.narrow(suppliers=suppliers, carriers=carriers, lines=lines)
    return form


def _line_choices(supplier_id: int | None) -> list[tuple[int, str]]:
    """The supplier's lines of today by the purchaser's name; those on hold too, for the check says what clears it."""
    if supplier_id is None:
        return []
    rows = lines_page(clock.today(), supplier_id=supplier_id)
    rows = [row for row in rows if row.state in {LineState.ACTIVE, LineState.ON_HOLD}]
    rows.sort(key=lambda row: row.purchaser.casefold())
    show = currency().show
    return [
        (row.id, say("{purchaser} ({amount} left)", purchaser=row.purchaser, amount=show(row.available)))
        for row in rows
    ]


def _subject(form: RequestForm) -> RequestSubject:
    """What a valid form asks for; raises `InvalidInput` for a reference that cannot be one."""
    supplier_id = form.supplier_id.filled if "supplier_id" in form else current_company_id()
    chosen = form.carrier.filled if "carrier" in form else next(iter(get_carriers()), "")
    return subject_of(supplier_id, get_carrier(chosen), form.order_ref.filled, **form.details)


def _quoted(form: RequestForm) -> Preview:
    """The quote for a valid form, or the error that rules it out."""
    try:
        return Preview(quote=quote_subject(acting(), _subject(form)), is_parcel=form.is_parcel)
    except TuskerError as error:
        current_app.logger.info("no quote: %s", error.message)
        return Preview(error=error, is_parcel=form.is_parcel)


def _preview_of(form: RequestForm, *, checked: bool = False) -> Preview:
    """The quote for a form that was filled in by a link or is still being filled in; none until it is complete.

    Missing fields are reported only when the form is to be `checked`.
    """
    typed = (form.order_ref.data or "").strip()
    if len(typed) >= SHORTEST_REF and _is_complete(form):
        return _quoted(form)
    if not checked:
        for field in form:
            field.errors = []
    return Preview(is_parcel=form.is_parcel)


def _is_complete(form: RequestForm) -> bool:
    """Whether every field is valid; the CSRF token does not matter, since nothing is changed."""
    found: bool = all([field.validate(form) for field in form if field.name != "csrf_token"])
    return found


def _page(form: RequestForm, shown: Preview, status: int, notice: str | None = None) -> ResponseReturnValue:
    return render(PAGE, status=status, notice=notice, form=form, preview=shown)


def _not_taken(form: RequestForm, error: TuskerError) -> ResponseReturnValue:
    """Show an error beside the form, and what was entered wrongly at its field."""
    if form.is_parcel and not isinstance(error, CarrierError):
        form.take(error)
        if isinstance(error, InvalidInput):
            return _page(form, Preview(is_parcel=True), error.http_status)
    return _page(form, Preview(error=error, is_parcel=form.is_parcel), error.http_status)


def _request(form: RequestForm, terms_version: int) -> ResponseReturnValue:
    """Request financing on the figures that were shown; other figures are shown first."""
    ctx = acting()
    try:
        subject = _subject(form)
        order = fetch_subject(ctx, subject)
        try:
            file = _document()
        except InvalidInput as error:
            form.take(error)
            return _page(form, _quoted(form), error.http_status)
        try:
            with transaction():
                decision = request_financing(
                    ctx,
                    subject.supplier_id,
                    order,
                    source="web",
                    entered=subject.entered,
                    figures=request.form.get("figures") or None,
                    terms_version=terms_version,
                )
                if file is not None and not decision.replayed:
                    keep_document(ctx, decision.invoice_id, file)
        except TermsChanged as error:
            again = Preview(quote=quote_fetched(ctx, subject.supplier_id, order, subject.entered))
            return _page(form, again, error.http_status, notice=error.message)
    except TuskerError as error:
        return _not_taken(form, error)
    message, category = answer_words(decision)
    return done(message, to=url_for("invoices.show", invoice_id=decision.invoice_id), category=category)


def _document() -> CheckedFile | None:
    """The document that came with the form, checked, and in its folder before any row is locked."""
    if not request.files.get(FIELD):
        return None
    with costly_part():
        file = sent_document()
        if file is not None:
            content_to_keep(file)
    return file


def answer_words(decision: Decision) -> tuple[str, str]:
    """What is said of a decision, and the tone."""
    number, show = decision.quote.number, currency().show
    if decision.replayed:
        return say("Financing of “{number}” was requested already.", number=number), "info"
    if decision.refusal is None:
        approved = say(
            "Approved: {principal} is reserved for “{number}” and paid out after the delivery.",
            principal=show(decision.quote.principal),
            number=number,
        )
        return approved, "success"
    exceeded = joined(
        say("{limit} is exceeded by {amount}", limit=BOUND_WORDS[bound], amount=show(lacking))
        for bound, lacking in decision.refusal.lacks
    )
    said = say("Refused: {exceeded} for “{number}”.", exceeded=exceeded, number=number)
    if at_once := decision.quote.at_once(decision.refusal):
        instead = say("{amount} of principal could be financed right away.", amount=show(at_once))
        said = joined((said, instead), " ")
    return said, "danger"
