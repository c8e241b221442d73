"""A company's statement for any period, as a page, CSV and PDF."""

from dataclasses import dataclass
from datetime import date, timedelta

from flask import Response, current_app, request, url_for
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.currency import currency
from tusker.documents.statement import HEADER, statement_rows
from tusker.errors import InvalidInput, NotFound
from tusker.messages import joined, say
from tusker.models import Role
from tusker.queries.credit.customers import customer_by_id, purchaser_choices, supplier_choices
from tusker.queries.loans.account_statements.lines import Side
from tusker.queries.loans.account_statements.statement import Statement, statement
from tusker.reports.blueprint import bp, own
from tusker.reports.forms import StatementForm
from tusker.services.loans.book.statement_mails import set_statement_mail
from tusker.transactions import transaction
from tusker.web.access import acting, allow, is_staff
from tusker.web.files.csvfile import csv_answer
from tusker.web.htmx import Undo, done, render

SHOWN = 50
"""Lines on a page."""


@dataclass(frozen=True, slots=True)
class Account:
    """A company on one of its sides."""

    side: Side
    customer_id: int
    name: str
    by_mail: bool
    """Whether its people get the statement of each month by mail."""


@bp.get("/statements", endpoint="statement")
@allow(costly=True)
def show() -> ResponseReturnValue:
    """The statement: opening + disbursed + charges − receipts − adjustments = closing, and its lines."""
    form, account, made = _read()
    lines = list(made.running()) if made else []
    begin = min(max(0, request.args.get("after", 0, type=int)), len(lines))
    return render(
        "reports/statement.html",
        form=form,
        account=account,
        made=made,
        lines=lines[begin : begin + SHOWN],
        begin=begin,
        carried=lines[begin - 1] if begin else None,
        step=SHOWN,
        count=len(lines),
        presets=presets(clock.today()),
    )


@bp.get("/statements.csv")
@allow(costly=True)
def statement_csv() -> Response:
    """The statement as CSV, from the opening to the closing balance; amounts in major units."""
    account, made = _read_or_refuse()
    return csv_answer(f"{_filename(account, made)}.csv", HEADER, statement_rows(made, currency()))


@bp.get("/statements.pdf")
@allow(costly=True)
def statement_paper() -> Response:
    from tusker.documents.statement_pdf import Letterhead, statement_pdf

    account, made = _read_or_refuse()
    head = Letterhead(
        lender=current_app.config["LENDER_NAME"],
        company=account.name,
        made_at=clock.now().astimezone(current_app.config["TIMEZONE"]),
        money=currency(),
    )
    return Response(
        statement_pdf(made, head),
        mimetype="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{_filename(account, made)}.pdf"'},
    )


@bp.post("/statements/by-mail")
@allow(Role.SUPPLIER, Role.ADMIN)
def statement_mail() -> ResponseReturnValue:
    """Start or stop the mails of monthly statements to a supplier's people."""
    asked = request.form.get("account", "")
    account = _chosen(asked) if is_staff() else _own_account(asked)
    wanted = request.form.get("wanted") == "1"
    with transaction():
        set_statement_mail(acting(), account.customer_id, wanted=wanted)
    to = url_for("reports.statement", account=asked if is_staff() else None)
    said = (
        say("The statement of each month is sent by mail.")
        if wanted
        else say("Statements are no longer sent by mail.")
    )
    back = {"account": asked, "wanted": "0" if wanted else "1"}
    return done(said, to=to, undo_by=Undo(url_for("reports.statement_mail"), reason=False, fields=back))


def presets(today: date) -> list[tuple[str, date, date]]:
    """Usual periods by name; none ends after today."""
    month = today.replace(day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    quarter = month.replace(month=3 * ((month.month - 1) // 3) + 1)
    quarter_end = quarter - timedelta(days=1)
    last_quarter = quarter_end.replace(month=quarter_end.month - 2, day=1)
    year = month.replace(month=1)
    return [
        (say("This month"), month, today),
        (say("Last month"), last_month, month - timedelta(days=1)),
        (say("Last quarter"), last_quarter, quarter_end),
        (say("This year"), year, today),
        (say("Last year"), year.replace(year=year.year - 1), year - timedelta(days=1)),
    ]


def _read() -> tuple[StatementForm, Account | None, Statement | None]:
    """The form, the account, and the statement unless something is missing or wrong."""
    form = StatementForm(request.args)
    if is_staff():
        form.account.choices = [
            *((f"supplier-{key}", say("{company} (supplier)", company=n)) for key, n in supplier_choices()),
            *(
                (f"purchaser-{key}", say("{company} (purchaser)", company=n))
                for key, n in purchaser_choices()
            ),
        ]
        valid = form.validate()
        account = _account(form.account.data) if form.account.data and valid else None
    else:
        account = _own_account(form.account.data)
        form.account.data = None
        del form.account
        valid = form.validate()
    if not valid:
        return form, account, None
    first, last = _period(form)
    return (
        form,
        account,
        None if form.errors or account is None else statement(account.customer_id, account.side, first, last),
    )


def _period(form: StatementForm) -> tuple[date, date]:
    """The days in the address, this month unless given; what is wrong is said at its field."""
    today = clock.today()
    last = form.last.data or today
    first = form.first.data or last.replace(day=1)
    for field, day in ((form.first, first), (form.last, last)):
        field.data, field.raw_data = day, None
    if last > today:
        form.take(InvalidInput("The last day must not be in the future.", field="last"))
    elif first > last:
        form.take(InvalidInput("The first day must not be after the last.", field="first"))
    return first, last


def _account(text: str) -> Account:
    side, _, key = text.partition("-")
    customer = customer_by_id(int(key))
    known: Side = "supplier" if side == "supplier" else "purchaser"
    return Account(known, customer.id, customer.name, customer.statements_by_mail)


def _chosen(asked: str) -> Account:
    """A supplier's account as staff chose it; raises `NotFound` for what is none."""
    side, _, key = asked.partition("-")
    if side != "supplier" or not key.isdecimal():
        raise NotFound("There is no such statement.")
    return _account(asked)


def _own_account(asked: str | None) -> Account:
    """The user's own company on the side of the role; raises `NotFound` when another one is asked for."""
    side, key = next(iter(own().items()))
    name = side.removesuffix("_id")
    if asked not in (None, "", f"{name}-{key}"):
        raise NotFound("There is no such statement.")
    return _account(f"{name}-{key}")


def _read_or_refuse() -> tuple[Account, Statement]:
    """For files: raises `InvalidInput` with what is wrong."""
    form, account, made = _read()
    if account is None or made is None:
        messages = [message for field in form for message in field.errors]
        raise InvalidInput(joined(messages, " ") or say("Choose a company."), field="account")
    return account, made


def _filename(account: Account, made: Statement) -> str:
    return f"statement-{account.side}-{account.customer_id}-{made.first}-to-{made.last}"
