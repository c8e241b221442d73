"""Why a credit line admits nothing new now, and what clears it, in words for whoever looks."""

from collections.abc import Sequence
from datetime import date, timedelta

from flask import current_app

from tusker.currency import currency
from tusker.domain.credit.limits import LineState, Validity
from tusker.domain.loans.classification import AssetClass
from tusker.errors import FinancingRefused
from tusker.messages import joined, say
from tusker.queries.credit.credit_lines import LineRow
from tusker.queries.loans.classes import held_by_state
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import open_loans


def check_line_open(row: LineRow, today: date, *, field: str = "order_ref") -> None:
    """Raise `FinancingRefused` naming `field`, in words for its supplier: the line is suspended or not valid, or a
    company of it is on hold."""
    reason = why_closed([row], today, seen_by=row.supplier_id).get(row.id)
    if reason is not None:
        raise FinancingRefused(reason, field=field, problem="line_closed")


def why_closed(lines: Sequence[LineRow], today: date, *, seen_by: int | None) -> dict[int, str]:
    """Sentences by line id, of lines that admit nothing whatever their limits leave; others are missing.

    `seen_by` is the company that looks, None for staff. Of another company's debts it is told only those on invoices
    between the two. Two statements at most, however many lines.
    """
    late = _late([row for row in lines if row.state is LineState.ON_HOLD], today)
    return {
        row.id: _sentence(row, late, today, seen_by) for row in lines if row.state is not LineState.ACTIVE
    }


def _late(held: Sequence[LineRow], today: date) -> list[LoanRow]:
    """The loans for which companies are on hold: of those held for their class all that is in arrears."""
    after, state = current_app.config["HOLD_AFTER_DAYS"], current_app.config["HOLD_FROM_STATE"]
    if not held or (after is None and state == "off"):
        return []
    by_class = held_by_state(today, None if state == "off" else AssetClass(state))
    companies = {row.supplier_id for row in held if row.supplier_held}
    companies |= {row.purchaser_id for row in held if row.purchaser_held}
    due_until = today - timedelta(days=1 if by_class or after is None else after + 1)
    return [
        loan
        for loan in open_loans(today, companies=companies, due_until=due_until)
        if loan.debtor_id in companies
        and (
            loan.debtor_id in by_class
            or (after is not None and loan.due_date < today - timedelta(days=after))
        )
    ]


def _sentence(row: LineRow, late: Sequence[LoanRow], today: date, seen_by: int | None) -> str:
    other = row.supplier if seen_by == row.purchaser_id else row.purchaser
    if row.state is LineState.SUSPENDED:
        return say("The credit line with {name} is suspended.", name=other)
    if row.state in {LineState.NOT_YET_VALID, LineState.EXPIRED}:
        line = say("The credit line with {name}", name=other)
        return _not_valid(row, line, today, seen_by)
    held = [(row.supplier_id, row.supplier)] if row.supplier_held else []
    held += [(row.purchaser_id, row.purchaser)] if row.purchaser_held else []
    said: list[str] = []
    if held:
        who, *others = (_payment(late, company, name, seen_by) for company, name in held)
        for other in others:
            who = say("{one} and {other}", one=who, other=other)
        said.append(say("Payments are overdue for too long: nothing new is financed until {who}.", who=who))
    for company, name, reason in (
        (row.supplier_id, row.supplier, row.supplier_stopped),
        (row.purchaser_id, row.purchaser, row.purchaser_stopped),
    ):
        if reason is not None:
            said.append(_stopped(company, name, reason, seen_by))
    return joined(said, " ")


def _stopped(company: int, name: str, reason: str, seen_by: int | None) -> str:
    """That an admin has a company on hold; only staff is told why."""
    if seen_by is None:
        return say("{name} is on hold until an admin lifts it: {reason}.", name=name, reason=reason)
    if company == seen_by:
        return say("Your company is on hold; nothing new is financed until we lift it.")
    return say("{name} is on hold; nothing new is financed until we lift it.", name=name)


def _not_valid(row: LineRow, line: str, today: date, seen_by: int | None) -> str:
    """Which of the three limits is not valid yet or any more; the days of another company's own are not told."""
    what, company, valid = next(
        each
        for each in (
            (line, seen_by, Validity(row.valid_from, row.valid_to)),
            (say("The limit of {name}", name=row.supplier), row.supplier_id, row.supplier_valid),
            (say("The limit of {name}", name=row.purchaser), row.purchaser_id, row.purchaser_valid),
        )
        if each[2].state_on(today) is row.state
    )
    if seen_by not in {None, company}:
        return say("{what} is not valid now.", what=what)
    if row.state is LineState.NOT_YET_VALID:
        return say("{what} is valid from {day} only.", what=what, day=valid.first or today)
    return say("{what} ended on {day}.", what=what, day=valid.last or today)


def _payment(late: Sequence[LoanRow], company: int, name: str, seen_by: int | None) -> str:
    """What a company has to pay, such as “Ganga Retail pays ₹2,40,664.83 due since 26 Oct 2026”."""
    owed = [loan for loan in late if loan.debtor_id == company]
    shown = [loan for loan in owed if seen_by in {None, company, loan.supplier_id, loan.purchaser_id}]
    if not owed:
        return say("the daily run finds that {name} has paid", name=name)
    if not shown:
        return say("{name} pays what it owes on other companies' invoices", name=name)
    amount = currency().show(sum(loan.owed(as_purchaser=company == loan.purchaser_id) for loan in shown))
    since = min(loan.due_date for loan in shown)
    if company == seen_by:
        return say("you pay {amount} due since {day}", amount=amount, day=since)
    if len(shown) < len(owed):
        return say(
            "{name} pays {amount} due since {day} and what it owes on other companies' invoices",
            name=name,
            amount=amount,
            day=since,
        )
    return say("{name} pays {amount} due since {day}", name=name, amount=amount, day=since)
