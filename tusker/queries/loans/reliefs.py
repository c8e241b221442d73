"""Relief that was granted on loans."""

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

from tusker.domain.loans.extensions import DueMove
from tusker.extensions import db
from tusker.models import Invoice, Loan, Relief, ReliefKind, User
from tusker.queries.columns import PURCHASER, SUPPLIER, Rows

_proposer = aliased(User)
_decider = aliased(User)


def reliefs_of(invoice_id: int) -> Rows:
    """All relief on an invoice's loans, the newest first, in minor units, with the names of who granted it (None for
    commands and jobs)."""
    columns: tuple[Any, ...] = (
        Relief.id,
        Relief.kind,
        Relief.state,
        Loan.invoice_id,
        Invoice.number,
        SUPPLIER.name.label("supplier"),
        PURCHASER.name.label("purchaser"),
        Loan.reference.label("loan"),
        Relief.penalty,
        Relief.fee,
        Relief.interest,
        Relief.value_date,
        Relief.due_before,
        Relief.due_date,
        Relief.with_interest,
        Relief.gives_up,
        Relief.reason,
        Relief.proposed_at,
        Relief.proposed_by,
        _proposer.name.label("proposer"),
        Relief.decided_at,
        _decider.name.label("decider"),
        Relief.booked_on,
        Relief.undone_on,
        Relief.decision_reason,
    )
    query = (
        select(*columns)
        .join(Loan, Loan.id == Relief.loan_id)
        .join(Invoice, Invoice.id == Loan.invoice_id)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
        .outerjoin(_proposer, _proposer.id == Relief.proposed_by)
        .outerjoin(_decider, _decider.id == Relief.decided_by)
        .where(Loan.invoice_id == invoice_id)
        .order_by(Relief.id.desc())
    )
    return db.session.execute(query).all()


def moves_by_loan(loan_ids: Collection[int], as_of: date) -> dict[int, list[DueMove]]:
    """The moves of due dates that counted at the end of a day, by loan id, in their order."""
    if not loan_ids:
        return {}
    rows = db.session.scalars(
        select(Relief)
        .where(
            Relief.loan_id.in_(loan_ids),
            Relief.kind == ReliefKind.EXTENSION,
            Relief.booked_on <= as_of,
            or_(Relief.undone_on.is_(None), Relief.undone_on > as_of),
        )
        .order_by(Relief.id)
    )
    found: dict[int, list[DueMove]] = {}
    for row in rows:
        found.setdefault(row.loan_id, []).append(row.move)
    return found
