"""The lists of credit lines, of staff and of a company's users, and the pages of one for admins and auditors."""

from typing import Any

from flask import Response, flash, request, url_for
from werkzeug.datastructures import MultiDict

from tusker.clock import today
from tusker.currency import currency
from tusker.customers.blueprint import bp
from tusker.customers.forms import LineEditForm, LineForm, LinesFilter, LineStatusForm
from tusker.customers.terms_fields import DEFAULT_TERMS
from tusker.domain.terms import Terms
from tusker.extensions import db
from tusker.messages import say, shown
from tusker.models import LineStatus, Proposal, Role, SupplierAccount
from tusker.queries.credit import credit_lines as queries
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.credit.customers import holds_on, purchaser_choices, supplier_choices
from tusker.queries.credit.waiting import waiting_rows
from tusker.queries.record.events import events_of
from tusker.services.credit.customers.lines import change_credit_line, open_credit_line, set_line_status
from tusker.services.credit.standing import why_closed
from tusker.web.access import STAFF, acting, allow
from tusker.web.filters import percent
from tusker.web.htmx import PROPOSED, Undo, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

_COLUMNS = (
    Column("supplier", say("Supplier"), Kind.NAME, sorts=True, not_for=Role.SUPPLIER),
    Column("purchaser", say("Purchaser"), Kind.NAME, sorts=True, not_for=Role.PURCHASER),
    Column("available", say("Available"), Kind.MONEY),
    Column("bound", say("Limited by"), Kind.NAME, in_files=False),
    Column("line_limit", say("Line limit"), in_files=False),
    Column(
        "limit", say("Limit"), Kind.MONEY, lambda row: row.limits.credit_line.limit, sorts=True, shown=False
    ),
    Column("used", say("Used"), Kind.MONEY, lambda row: row.limits.credit_line.used, sorts=True, shown=False),
)
_LAST = (
    Column("valid_from", say("Valid from"), Kind.DAY, shown=False),
    Column("valid_to", say("Valid to"), Kind.DAY, shown=False),
    Column("status", say("Status"), Kind.STATUS, lambda row: row.state),
    Column("id", say("Id"), Kind.NUMBER, sorts=True, shown=False),
)


def _terms(row: LineRow) -> str:
    return say(
        "{share} at {rate}, {n} days",
        share=percent(row.terms.advance_rate),
        rate=percent(row.terms.apr),
        n=row.terms.tenor_days,
    )


def _whole_terms(row: LineRow) -> str:
    terms = row.terms
    return say("{share} of the invoice for {n} days", share=percent(terms.advance_rate), n=terms.tenor_days)


LINES = ListOf(
    "lines",
    say("Credit lines"),
    "customers.lines",
    (*_COLUMNS, Column("terms", say("Terms"), Kind.NAME, _terms), *_LAST),
    order="-id",
    by_id="id",
)
MY_LINES = ListOf(
    "my_lines",
    say("Your credit lines"),
    "customers.my_lines",
    (
        *_COLUMNS[:3],
        Column("cost", say("Interest and fee"), in_files=False),
        Column("penalty", say("When overdue"), Kind.NAME, in_files=False, shown=False),
        Column("terms", say("Terms"), Kind.NAME, _whole_terms),
        *_COLUMNS[3:],
        *_LAST,
    ),
    order="-id",
    by_id="id",
)


def _filter(sent: MultiDict[str, str]) -> LinesFilter:
    form = LinesFilter(sent)
    form.supplier_id.choices, form.purchaser_id.choices = supplier_choices(), purchaser_choices()
    return form


LINES.serve(
    bp,
    "/lines",
    "customers/line/lines.html",
    *STAFF,
    form=_filter,
    query=lambda **asked: queries.lines_page(today(), **asked),
    totals=lambda **asked: queries.lines_totals(today(), **asked),
    context=lambda shown: {"closed": why_closed(shown.page.items, today(), seen_by=None)},
)


@bp.route("/lines/new", methods=["GET", "POST"])
@allow(Role.ADMIN)
def new_line() -> Response:
    """With `?supplier_id=` the form starts from that supplier's default terms."""
    supplier_id = request.args.get("supplier_id", type=int)
    terms, source = _default_terms(supplier_id)
    form = LineForm(
        data={
            "supplier_id": supplier_id,
            "purchaser_id": request.args.get("purchaser_id", type=int),
            "valid_from": today(),
            **terms.as_dict(),
        }
    )
    form.supplier_id.choices, form.purchaser_id.choices = supplier_choices(), purchaser_choices()
    if form.validate_on_submit():
        with form.saving():
            made = open_credit_line(
                acting(), form.supplier_id.filled, form.purchaser_id.filled, form.line_data()
            )
            made_id = made.id
        if form.saved:
            if isinstance(made, Proposal):
                return done(PROPOSED, to=url_for("customers.lines"), made=made)
            return done(say("The credit line was opened."), to=url_for("customers.line", line_id=made_id))
    return render("customers/line/line_form.html", form=form, terms_source=source, line=None)


@bp.get("/lines/<int:line_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def line(line_id: int) -> Response:
    return render("customers/line/line.html", **_line_context(line_id))


@bp.route("/lines/<int:line_id>/edit", methods=["GET", "POST"])
@allow(Role.ADMIN)
def edit_line(line_id: int) -> Response:
    row = queries.line_by_id(line_id, today())
    form = LineEditForm(
        data={
            "limit": row.limits.credit_line.limit,
            "valid_from": row.valid_from,
            "valid_to": row.valid_to,
            "documents_required": row.documents_required,
            "confirmation_required": row.confirmation_required,
            **row.terms.as_dict(),
        }
    )
    if form.validate_on_submit():
        with form.saving():
            made = change_credit_line(acting(), line_id, form.line_data())
        if form.saved:
            if not isinstance(made, Proposal):
                use = queries.line_by_id(line_id, today()).limits.credit_line
                warn_of_limit(say("The limit"), use.headroom)
            return done(
                say("The credit line was saved."), to=url_for("customers.line", line_id=line_id), made=made
            )
    return render("customers/line/line_form.html", form=form, terms_source=None, line=row)


@bp.post("/lines/<int:line_id>/status")
@allow(Role.ADMIN)
def line_status(line_id: int) -> Response:
    queries.line_by_id(line_id, today())
    form = LineStatusForm()
    if form.validate_on_submit():
        with form.saving():
            made = set_line_status(
                acting(), line_id, LineStatus(form.status.filled), reason=form.reason.filled
            )
            status = LineStatus(form.status.filled)
        if form.saved:
            active = say("The credit line is active again.")
            suspended = say("The credit line is suspended: it accepts nothing new.")
            return done(
                active if status == LineStatus.ACTIVE else suspended,
                to=url_for("customers.line", line_id=line_id),
                made=made,
                undo_by=Undo(
                    url_for("customers.line_status", line_id=line_id),
                    fields={
                        "status": LineStatus.SUSPENDED if status == LineStatus.ACTIVE else LineStatus.ACTIVE
                    },
                ),
                partial="customers/line/_line.html",
                **_line_context(line_id),
            )
    context = {**_line_context(line_id), "status_form": form}
    return render("customers/line/line.html", status=422, **context)


def _line_context(line_id: int) -> dict[str, Any]:
    line = queries.line_by_id(line_id, today())
    return {
        "line": line,
        "holds": holds_on(line.supplier_id, line.purchaser_id),
        "closed": why_closed([line], today(), seen_by=None),
        "counts": queries.invoice_counts(line_id),
        "waiting": waiting_rows(today(), line_id=line_id),
        "events": events_of("credit_line", line_id)[::-1],
        "status_form": LineStatusForm(formdata=None),
    }


def _default_terms(supplier_id: int | None) -> tuple[Terms, str | None]:
    """The terms that a new line starts with, and the name of the supplier they are taken from."""
    account = db.session.get(SupplierAccount, supplier_id) if supplier_id is not None else None
    return (DEFAULT_TERMS, None) if account is None else (account.terms, account.customer.name)


def warn_of_limit(limit: str, headroom: int) -> None:
    """Tell whoever set a limit that less than what is in use is of no effect but on new requests."""
    if headroom < 0:
        warning = say(
            "{limit} is {over} below what is in use: no new requests are approved until usage is back within it.",
            limit=limit,
            over=currency().show(-headroom),
        )
        flash(shown(warning), "warning")
