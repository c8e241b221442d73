"""The classification of borrowers and loans at the end of each day."""

from datetime import date
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from tusker.domain.loans.classification import Rules, Standing, classify, classify_loan
from tusker.extensions import db
from tusker.messages import say_n
from tusker.models import Classification
from tusker.queries.loans.classes import open_days, standings_on
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, take_lock


def classify_day(ctx: Context, day: date, rules: Rules) -> int:
    """Record every customer and loan whose state at the end of a day is another than before; returns how many.

    Safe to repeat. A day before the last one that is recorded stays as it was seen.
    """
    take_lock(AdvisoryLock.CLASSIFICATION)
    db.session.flush()
    if db.session.scalar(text("SELECT 1 FROM classifications WHERE day > :day LIMIT 1"), {"day": day}):
        return 0
    loans = open_days(day)
    customers, stood = standings_on(day)
    worst: dict[int, int] = dict.fromkeys(customers, 0)
    for loan in loans:
        worst[loan.customer_id] = max(worst.get(loan.customer_id, 0), loan.days_past_due)
    now = {
        customer_id: classify(day, days, customers.get(customer_id, Standing()), rules)
        for customer_id, days in worst.items()
    }
    rows = [
        _row(ctx, day, customer_id, None, now[customer_id], days)
        for customer_id, days in worst.items()
        if now[customer_id] != customers.get(customer_id, Standing())
    ]
    for loan in loans:
        state = classify_loan(day, loan.days_past_due, now[loan.customer_id], rules)
        if state != stood.get(loan.loan_id, Standing()):
            rows.append(_row(ctx, day, loan.customer_id, loan.loan_id, state, loan.days_past_due))
    if rows:
        db.session.execute(insert(Classification), rows)
    invoices = {loan.loan_id: loan.invoice_id for loan in loans}
    for row in rows:
        before = stood.get(row["loan_id"]) if row["loan_id"] else customers.get(row["customer_id"])
        subject, about = (
            ("invoice", invoices[row["loan_id"]]) if row["loan_id"] else ("customer", row["customer_id"])
        )
        _note(ctx, subject, about, before or Standing(), row)
    return len(rows)


def _row(
    ctx: Context, day: date, customer_id: int, loan_id: int | None, now: Standing, days: int
) -> dict[str, Any]:
    return {
        "day": day,
        "customer_id": customer_id,
        "loan_id": loan_id,
        "state": now.state,
        "days_past_due": days,
        "npa_since": now.npa_since,
        "recorded_at": ctx.now,
    }


def _note(ctx: Context, subject: str, about: int, before: Standing, row: dict[str, Any]) -> None:
    if before.state is not row["state"]:
        record_event(
            ctx,
            (subject, about),
            "classified",
            from_value=before.state,
            to_value=row["state"],
            reason=say_n(
                "{n} day past due at the end of {day}",
                "{n} days past due at the end of {day}",
                row["days_past_due"],
                day=row["day"],
            ),
            days_past_due=row["days_past_due"],
        )
