"""Pages of companies: the list, the form, the page of one."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.clock import today
from tusker.customers.bank import bank_context
from tusker.customers.blueprint import bp
from tusker.customers.forms import CustomerForm, CustomersFilter
from tusker.customers.identities import IdentityDraft, draft_of, only_drafting, pack, read_draft
from tusker.customers.lines import warn_of_limit
from tusker.customers.terms_fields import DEFAULT_TERMS
from tusker.customers.tokens import token_context
from tusker.domain.credit.limits import LimitUse
from tusker.errors import TuskerError
from tusker.messages import joined, say
from tusker.models import Customer, Proposal, Role
from tusker.queries.credit import customers as queries
from tusker.queries.credit.credit_lines import lines_of
from tusker.queries.credit.exposure import limit_changes
from tusker.queries.loans.account_statements.statement import credit_balance
from tusker.queries.loans.classes import class_history
from tusker.queries.loans.history import Whose
from tusker.queries.loans.invoice_money import open_claims_of
from tusker.queries.loans.receipts.listing import receipts_page
from tusker.queries.record.events import events_of
from tusker.services.credit.customers.companies import create_customer, edit_customer, programme_limit
from tusker.services.credit.standing import why_closed
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.htmx import PROPOSED, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.pages.finding import remember
from tusker.web.plotting.book import BookHistory
from tusker.web.plotting.shapes import Plot

LINES_SHOWN = 20
RECEIPTS_SHOWN = 10


def _of(side: str, figure: str, none: int | None = None) -> Callable[[queries.CustomerRow], int | None]:
    """A figure of a company's limit on one side; `none` for the side that it does not have."""

    def of(row: queries.CustomerRow) -> int | None:
        use = getattr(row, side)
        return none if use is None else int(getattr(use, figure))

    return of


CUSTOMERS = ListOf(
    "customers",
    say("Customers"),
    "customers.index",
    (
        Column("name", say("Customer"), Kind.NAME, sorts=True),
        Column("reference", say("Reference"), shown=False),
        Column("email", say("Email"), shown=False),
        Column("as_supplier", say("As supplier"), in_files=False),
        Column("as_purchaser", say("As purchaser"), in_files=False),
        *(
            Column(
                f"{side}_{figure}",
                head,
                Kind.MONEY,
                _of(side, figure),
                sorts=figure == "used",
                place=_of(side, figure, none=-1),
                shown=False,
            )
            for side, figure, head in (
                ("supplier", "limit", say("Supplier limit")),
                ("supplier", "used", say("Supplier used")),
                ("supplier", "available", say("Supplier available")),
                ("purchaser", "limit", say("Purchaser limit")),
                ("purchaser", "used", say("Purchaser used")),
                ("purchaser", "available", say("Purchaser available")),
            )
        ),
        Column("open_invoices", say("Open"), Kind.NUMBER),
        Column("lines", say("Lines"), Kind.NUMBER),
        Column("note", say("Note"), Kind.NAME),
        Column("id", say("Id"), Kind.NUMBER, sorts=True, shown=False),
    ),
    order="-id",
    by_id="id",
)


@bp.get("/")
@allow(Role.ADMIN, Role.AUDITOR)
def index() -> ResponseReturnValue:
    form = CustomersFilter(request.args)
    asked = form.asked()
    shown = CUSTOMERS.shown(form, partial(_rows, **asked), queries.customers_totals(**asked))
    programme = LimitUse(programme_limit(), queries.supplier_limits_total())
    return render("customers/company/index.html", list=shown, programme=programme)


def _rows(**asked: Any) -> list[queries.CustomerRow]:
    return queries.customers_page(clock.today(), **asked)


CUSTOMERS.serve_files(bp, "/customers", *STAFF, form=CustomersFilter, query=_rows)


@bp.route("/new", methods=["GET", "POST"])
@allow(Role.ADMIN)
def new() -> Response:
    draft = read_draft() if request.method == "POST" else IdentityDraft()
    form = CustomerForm(data=DEFAULT_TERMS.as_dict())
    if not only_drafting() and form.validate_on_submit():
        with form.saving():
            made = create_customer(
                acting(),
                form.customer_data(),
                programme_limit=programme_limit(),
                identities=draft.chosen,
            )
            made_id = made.id
        if form.saved:
            if isinstance(made, Proposal):
                return done(PROPOSED, to=url_for("customers.index"), made=made)
            return done(
                say("{name} was created.", name=form.name.data),
                to=url_for("customers.show", customer_id=made_id),
            )
    return _form_page(form, draft, None)


@bp.route("/<int:customer_id>/edit", methods=["GET", "POST"])
@allow(Role.ADMIN)
def edit(customer_id: int) -> Response:
    """One form for the company, its limits, default terms and ids at delivery companies, saved together."""
    draft = read_draft() if request.method == "POST" else None
    customer = queries.customer_by_id(customer_id)
    form = CustomerForm(data=_values_of(customer))
    if not only_drafting() and form.validate_on_submit() and draft is not None:
        try:
            with transaction():
                changed = edit_customer(
                    acting(),
                    customer_id,
                    form.customer_data(),
                    programme_limit=programme_limit(),
                    cascade=form.cascade.data,
                    identities=draft.chosen,
                )
        except TuskerError as error:
            form.take(error)
            customer = queries.customer_by_id(customer_id)
        else:
            if not isinstance(changed, Proposal):
                _warn_of_limits(queries.customer_by_id(customer_id))
            saved = say("{name} was saved.", name=form.name.data)
            if changed:
                saved = joined((saved, say("{n} credit line(s) took the terms over.", n=changed)), " ")
            return done(saved, to=url_for("customers.show", customer_id=customer_id), made=changed)
    return _form_page(form, draft or draft_of(customer.carrier_identities), customer)


@bp.post("/directory")
@allow(Role.ADMIN)
def directory() -> str:
    """The part of the form with ids at delivery companies, after a search, an addition or a removal; saves nothing."""
    return render_template("customers/company/_identities.html", draft=read_draft(), pack=pack)


@bp.get("/<int:customer_id>")
@allow(Role.ADMIN, Role.AUDITOR)
def show(customer_id: int) -> str:
    customer = queries.customer_by_id(customer_id)
    remember("company", customer_id, customer.name)
    lines = lines_of(customer_id, today(), limit=LINES_SHOWN + 1)
    return render_template(
        "customers/company/show.html",
        lines=lines[:LINES_SHOWN],
        more_lines=len(lines) > LINES_SHOWN,
        closed=why_closed(lines, today(), seen_by=None),
        invoices=queries.recent_invoices(customer_id),
        users=queries.users_of(customer_id),
        events=events_of("customer", customer_id)[::-1],
        class_history=class_history(customer_id=customer_id),
        credit=credit_balance(customer_id, today()),
        today=today(),
        claims=open_claims_of(customer_id),
        receipts=receipts_page(customer_id=customer_id, limit=RECEIPTS_SHOWN),
        plots=_plots_of(customer),
        **bank_context(customer),
        **token_context(customer_id),
    )


def _plots_of(customer: Customer) -> list[tuple[str, Plot]]:
    """Use of its limit, cash and yield of each of its sides, with an id for each plot."""
    found: list[tuple[str, Plot]] = []
    for side, title, account, whose in (
        ("supplier", say("Use of the supplier limit"), customer.supplier, Whose(supplier_id=customer.id)),
        ("purchaser", say("Use of the purchaser limit"), customer.purchaser, Whose(purchaser_id=customer.id)),
    ):
        if account is not None:
            past = BookHistory.of(today(), whose)
            limits = limit_changes(side, customer.id)
            found += [
                (f"plot-use-{side}", past.use_of_limit(account.used_amount, limits, title)),
                (f"plot-cash-{side}", past.cash(to_pay=side == "purchaser")),
                (f"plot-results-{side}", past.results()),
            ]
    return found


def _form_page(form: CustomerForm, draft: IdentityDraft, customer: Customer | None) -> Response:
    customer_id = customer.id if customer else None
    return render(
        "customers/company/form.html",
        form=form,
        draft=draft,
        pack=pack,
        customer=customer,
        programme=LimitUse(programme_limit(), queries.supplier_limits_total()),
        programme_others=queries.supplier_limits_total(without=customer_id),
        line_count=queries.lines_count_of(customer_id, "supplier") if customer_id else 0,
    )


def _values_of(customer: Customer) -> dict[str, Any]:
    supplier, purchaser = customer.supplier, customer.purchaser
    return {
        "name": customer.name,
        "reference": customer.reference,
        "email": customer.email,
        "is_supplier": supplier is not None,
        "is_purchaser": purchaser is not None,
        "supplier_limit": supplier.limit_amount if supplier else None,
        "purchaser_limit": purchaser.limit_amount if purchaser else None,
        **(supplier.terms if supplier else DEFAULT_TERMS).as_dict(),
    }


def _warn_of_limits(customer: Customer) -> None:
    for limit, account in (
        (say("The supplier limit"), customer.supplier),
        (say("The purchaser limit"), customer.purchaser),
    ):
        if account is not None:
            warn_of_limit(limit, account.limit_amount - account.used_amount)
