"""Which repayments are expected to free how much of limits that lack, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text

from tusker.domain.credit.limits import Bound
from tusker.extensions import db

_DUE = text(
    """
    SELECT l.due_date, i.credit_line_id, i.supplier_id, i.purchaser_id, c.name AS debtor,
        sum(l.open_principal)::bigint AS amount
    FROM loans l JOIN invoices i ON i.id = l.invoice_id
    JOIN customers c ON c.id = CASE WHEN l.recourse_on IS NULL THEN i.purchaser_id ELSE i.supplier_id END
    WHERE l.closed_on IS NULL AND l.reversed_on IS NULL AND l.open_principal > 0
      AND (:credit_line AND i.credit_line_id = :line_id OR :supplier AND i.supplier_id = :supplier_id
        OR :purchaser AND i.purchaser_id = :purchaser_id)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY l.due_date, c.name, i.supplier_id, i.purchaser_id
    """
)


@dataclass(frozen=True, slots=True)
class Repayment:
    """Principal that is due on a day, in minor units; `debtor` and `amount` are None where the asker is no party."""

    due_date: date
    debtor: str | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """The repayments that are due until what lacked is free, oldest first; `fits_on` is None when all of them together
    do not free enough."""

    repayments: tuple[Repayment, ...]
    fits_on: date | None


def repayment_plan(
    line_id: int,
    supplier_id: int,
    purchaser_id: int,
    lacks: Sequence[tuple[Bound, int]],
    *,
    seen_by: int | None,
) -> Plan:
    """The repayments by which what lacks becomes free; `seen_by` is the company that looks, None for staff.

    Of loans between other companies it learns the day only.
    """
    missing = dict(lacks)
    keys = {"line_id": line_id, "supplier_id": supplier_id, "purchaser_id": purchaser_id}
    steps: list[Repayment] = []
    for row in db.session.execute(_DUE, {**keys, **{str(bound): bound in missing for bound in Bound}}):
        own = (
            row.credit_line_id == line_id,
            row.supplier_id == supplier_id,
            row.purchaser_id == purchaser_id,
        )
        for bound, counts in zip(Bound, own, strict=True):
            if counts and bound in missing:
                missing[bound] -= row.amount
        party = seen_by in {None, row.supplier_id, row.purchaser_id}
        step = Repayment(row.due_date, row.debtor if party else None, row.amount if party else None)
        if party or not steps or steps[-1] != step:
            steps.append(step)
        if all(lacking <= 0 for lacking in missing.values()):
            return Plan(tuple(steps), row.due_date)
    return Plan(tuple(steps), None)
