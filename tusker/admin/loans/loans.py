"""Open loans: the list, marking one repaid, writing one off, and the lending platform's own ids by a file."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import PlatformIdsForm, RepayForm
from tusker.currency import currency
from tusker.domain.texts import day_of
from tusker.errors import NotFound
from tusker.messages import joined, say, say_n
from tusker.models import Proposal, Role
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loan_of_invoice, named_loans, open_loan_ids, open_loans
from tusker.queries.loans.payoff import payoff
from tusker.queries.loans.positions import Position, loan_totals, owed_of, owed_on, positions, totals_of
from tusker.queries.lookup import loans_called
from tusker.queries.sums import Totals
from tusker.services.loans.book.platform_ids import read_platform_references, set_platform_references
from tusker.services.loans.receipts import recording as receipts
from tusker.services.loans.write_off import write_off as write_off_debt
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.fields import FIRST_DAY, LAST_DAY
from tusker.web.forms.form import Form, ReasonForm
from tusker.web.forms.loan_filter import LoanFilter
from tusker.web.htmx import PROPOSED, Undo, done, render, wants_fragment
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

LOANS = ListOf(
    "loans",
    say("Loans"),
    "admin.loans",
    (
        Column("number", say("Invoice")),
        Column("reference", say("Loan")),
        Column("platform_reference", say("Platform's loan id"), shown=False),
        Column("supplier", say("Supplier"), Kind.NAME),
        Column("purchaser", say("Purchaser"), Kind.NAME),
        Column("recourse_on", say("Owed by the supplier since"), Kind.DAY, shown=False),
        Column("start_date", say("Start"), Kind.DAY, shown=False),
        Column("due_date", say("Due"), Kind.DAY, sorts=True),
        Column("late", say("Late"), Kind.NUMBER, lambda row: row.days_late() or None),
        Column("principal", say("Principal"), Kind.MONEY, sorts=True, shown=False),
        Column("open_principal", say("Open principal"), Kind.MONEY, shown=False),
        Column("owed", say("Owed today"), Kind.MONEY, lambda row: row.live.total),
        Column("penalty", say("Penalty"), Kind.MONEY, lambda row: row.live.penalty or None, shown=False),
        Column("term", say("End of term"), Kind.MONEY, lambda row: row.term.total, shown=False),
        Column("actions", say("Actions"), in_files=False),
    ),
    order="due_date",
    row=("loan", "invoice_id"),
    id_of=lambda row: int(row.loan_id),
)


@bp.get("/loans")
@allow(Role.ADMIN, Role.AUDITOR)
def loans() -> ResponseReturnValue:
    """Open loans, oldest due date first."""
    filters, today = LoanFilter(request.args), clock.today()
    book = positions(today)
    asked = filters.asked()
    asked["search"] = named_loans(asked.get("search", ""))
    read = partial(open_loans, today, **asked)
    shown = LOANS.shown(filters, read, _totals(filters, asked, today, book))
    return render("admin/loans/loans.html", list=shown, today=today, totals=totals_of(book))


LOANS.serve_files(
    bp, "/loans", *STAFF, form=LoanFilter, query=lambda **asked: open_loans(clock.today(), **asked)
)


def _totals(filters: LoanFilter, asked: dict[str, Any], today: date, book: Sequence[Position]) -> Totals:
    """From the kept sums where they tell the filtered loans apart, else over these loans."""
    due = filters.due.data
    if asked["search"] or due == "week":
        found = owed_on(open_loan_ids(**asked), today)
    else:
        tells = {"overdue": lambda row: row.overdue, "today": lambda row: row.due_today}
        found = owed_of(filter(tells.get(due or ""), book) if due else book)
    return Totals(found[0], {"owed": found[1], "term": found[2]})


@bp.get("/loans/<int:invoice_id>/row")
@allow(Role.ADMIN, Role.AUDITOR)
def loan_row(invoice_id: int) -> ResponseReturnValue:
    """One row of the list; without htmx a page of its own."""
    return render(
        "admin/loans/loan.html",
        "admin/loans/_loan_row.html",
        row=_loan(invoice_id),
        today=clock.today(),
        of=LOANS,
    )


@bp.route("/loans/<int:invoice_id>/repay", methods=["GET", "POST"])
@allow(Role.ADMIN)
def repay(invoice_id: int) -> ResponseReturnValue:
    """Mark an invoice as repaid in full: a form in its row with htmx, a page of its own without."""
    today = clock.today()
    form = RepayForm() if request.method == "POST" else RepayForm(None, value_date=_asked_day() or today)
    _name_inputs(form, invoice_id)
    if form.validate_on_submit():
        with form.saving():
            receipt = receipts.repay_in_full(
                acting(),
                invoice_id,
                bank_reference=form.bank_reference.filled,
                value_date=form.value_date.filled,
            )
            amount, receipt_id = receipt.amount, receipt.id
        if form.saved:
            undo = Undo(url_for("admin.undo_receipt", receipt_id=receipt_id))
            return _closed(
                invoice_id,
                say(
                    "{number} is repaid with {amount}.",
                    number=_loan(invoice_id).number,
                    amount=currency().show(amount),
                ),
                undo,
            )
    row = _loan(invoice_id)
    return render(
        "admin/loans/repay.html",
        "admin/loans/_repay_row.html",
        form=form,
        row=row,
        today=today,
        of=LOANS,
        **_owed(invoice_id, form.value_date.data),
    )


@bp.get("/loans/<int:invoice_id>/due")
@allow(Role.ADMIN)
def due(invoice_id: int) -> ResponseReturnValue:
    """Exactly what is owed on the day in `value_date`; without htmx the repayment page for that day."""
    if not wants_fragment():
        return redirect(
            url_for("admin.repay", invoice_id=invoice_id, value_date=request.args.get("value_date"))
        )
    return render_template("admin/loans/_due.html", **_owed(invoice_id, _asked_day()))


@bp.route("/loans/<int:invoice_id>/write-off", methods=["GET", "POST"])
@allow(Role.ADMIN)
def write_off(invoice_id: int) -> ResponseReturnValue:
    """The form of a write-off: in the loan's row with htmx, a page of its own without."""
    form = ReasonForm()
    _name_inputs(form, invoice_id)
    if form.validate_on_submit():
        with form.saving():
            made = write_off_debt(acting(), invoice_id, reason=form.reason.filled)
        if form.saved:
            if isinstance(made, Proposal):
                return done(PROPOSED, to=url_for("invoices.show", invoice_id=invoice_id), made=made)
            undo = Undo(url_for("invoices.take_write_off_back", invoice_id=invoice_id))
            return _closed(invoice_id, say("{number} is written off.", number=_loan(invoice_id).number), undo)
    return render(
        "admin/loans/write_off.html",
        "admin/loans/_write_off_row.html",
        form=form,
        row=_loan(invoice_id),
        today=clock.today(),
        of=LOANS,
    )


def _closed(invoice_id: int, what: str, undo: Undo) -> Response:
    """Answer the closing of a loan: with htmx its changed row, without it a redirect to the list."""
    today, row = clock.today(), _loan(invoice_id)
    return done(
        joined([what, say("Its principal is available again on all three limits.")], " "),
        to=url_for("admin.loans"),
        partial="admin/loans/_loan_row.html",
        undo_by=undo,
        row=row,
        today=today,
        of=LOANS,
        new_totals=loan_totals(today),
    )


def _loan(invoice_id: int) -> LoanRow:
    row = loan_of_invoice(invoice_id, clock.today())
    if row is None:
        raise NotFound("Nothing was disbursed for this invoice.")
    return row


def _owed(invoice_id: int, day: date | None) -> dict[str, Any]:
    """What is owed on `day`, or why that day cannot be the value date of its repayment."""
    row, today = _loan(invoice_id), clock.today()
    owed = payoff(row, day or today, today, in_future=False)
    problem = (
        owed.problem
        if day
        else say("Value date must be a date from {first} to {last}.", first=FIRST_DAY, last=LAST_DAY)
    )
    return {
        "row_id": invoice_id,
        "day": day,
        "owed": owed.due,
        "face_open": row.face_open if row.recourse_on is None else None,
        "day_problem": problem,
    }


def _asked_day() -> date | None:
    """The day in the address; None when there is none or it is not one that may be filled in."""
    try:
        day = day_of(request.args.get("value_date", ""))
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def _name_inputs(form: Form, invoice_id: int) -> None:
    """Give each input an id of its own: several of these forms may be open in one list."""
    for field in form:
        field.id = f"{field.name}-{invoice_id}"


@bp.route("/loans/platform-ids", methods=["GET", "POST"])
@allow(Role.ADMIN, costly=True)
def platform_ids() -> ResponseReturnValue:
    """Give many loans their platform's ids by a file: all rows or, with what is wrong of each, none."""
    form = PlatformIdsForm()
    if form.validate_on_submit():
        with form.saving():
            read = read_platform_references(form.file.filled.read(), loans_called)
            changed = set_platform_references(acting(), read)
        if form.saved:
            words = say_n(
                "{n} loan id is read, {new} of them are new.",
                "{n} loan ids are read, {new} of them are new.",
                len(read),
                new=changed,
            )
            return done(words, to=url_for("admin.loans"))
    return render("admin/loans/platform_ids.html", form=form)
