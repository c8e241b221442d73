"""Keeping the positions of open loans for today and tomorrow.

Only one worker does this at a time; writers of loans never wait for it, since all they do is note which loan changed.
"""

from collections.abc import Collection
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy import TextClause, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from tusker.extensions import db
from tusker.models import (
    BookPosition,
    DaySum,
    DebtorSum,
    DueSum,
    Loan,
    LoanChange,
    LoanPosition,
    PositionDay,
)
from tusker.queries.loans import history
from tusker.queries.loans.classes import PROVIDED
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed
from tusker.queries.loans.positions import ALIKE, FIGURES, position_of
from tusker.services.context import Context
from tusker.services.locks import AdvisoryLock, among, take_lock, try_lock

BATCH = 2_000
"""Loans a transaction."""
_OF_THE_VERSION_BEFORE = text("""
    SELECT EXISTS (SELECT 1 FROM due_sums WHERE kind = 'book' AND due_date = '1970-01-01') OR EXISTS (
        SELECT 1 FROM (
            SELECT day, sum(loans) AS loans, sum(term) FILTER (WHERE in_book) AS term, sum(purchaser_term) AS owed
            FROM book_positions GROUP BY day
        ) b FULL JOIN (
            SELECT day, sum(loans) AS loans, sum(term) AS term, sum(purchaser_term) AS owed
            FROM due_sums WHERE kind = 'book' GROUP BY day
        ) d USING (day)
        WHERE COALESCE(b.loans, 0) <> COALESCE(d.loans, 0) OR COALESCE(b.term, 0) <> COALESCE(d.term, 0)
            OR COALESCE(b.owed, 0) <> COALESCE(d.owed, 0)
    ) OR EXISTS (SELECT 1 FROM loan_positions WHERE debtor_id = 0)
    OR EXISTS (SELECT 1 FROM debtor_sums WHERE debtor_id = 0) OR EXISTS (
        SELECT 1 FROM position_days d CROSS JOIN LATERAL unnest(d.shares) s (share)
        WHERE COALESCE((SELECT sum(live) FROM debtor_sums o WHERE o.day = d.day AND o.share = s.share), 0)
            <> COALESCE((SELECT sum(live) FROM book_positions b WHERE b.day = d.day AND b.in_book), 0)
    )
""")
"""Whether a worker of the version before, which knows nothing of due dates or debtors, wrote positions: sums are not
the same."""


def keep_days(ctx: Context, shares: list[Decimal]) -> None:
    """Have positions kept for today and tomorrow and for no day before, and sums of what happened on past days.

    `shares` are the fractions of debts that may be provided for.
    """
    if not try_lock(AdvisoryLock.POSITIONS):
        return
    # Yesterday's requests may still be committing.
    history.keep_days(ctx.today - timedelta(days=2))
    of_before = bool(db.session.scalar(_OF_THE_VERSION_BEFORE))
    for model in (LoanPosition, BookPosition, DueSum, DebtorSum, PositionDay):
        kept = delete(model)
        db.session.execute(kept if of_before else kept.where(model.day < ctx.today))
    days = [{"day": ctx.today + timedelta(days=ahead)} for ahead in (0, 1)]
    db.session.execute(upsert(PositionDay).on_conflict_do_nothing(), days)
    for day in db.session.scalars(select(PositionDay).execution_options(populate_existing=True)):
        if day.shares != shares:
            _sum_by_debtor(day, shares)


def _sum_by_debtor(day: PositionDay, shares: list[Decimal]) -> None:
    """Sum what is kept of a day by debtor, after an upgrade or where other fractions are provided for from now on."""
    db.session.execute(delete(DebtorSum).where(DebtorSum.day == day.day))
    day.shares = shares
    db.session.flush()
    db.session.execute(_ALL_DEBTORS, {"day": day.day})


def write_positions() -> bool:
    """Write the positions of the loans that changed, else of the next loans of a day that is still to be built.

    False when nothing is left to do or another worker is at it.
    """
    if not try_lock(AdvisoryLock.POSITIONS):
        return False
    days = db.session.scalars(select(PositionDay).order_by(PositionDay.day)).all()
    changes = db.session.execute(select(LoanChange.id, LoanChange.loan_id).limit(BATCH)).all()
    if not changes:
        return any(_build(day) for day in days if not day.ready)
    for day in days:
        _replace(day.day, {loan_id for _, loan_id in changes})
    # Those alone that were read: one that commits meanwhile may have a smaller id.
    db.session.execute(delete(LoanChange).where(among(LoanChange.id, [change for change, _ in changes])))
    return True


def drop_positions(ctx: Context, shares: list[Decimal]) -> None:
    """Forget what is kept, and have today and tomorrow built anew; waits for a worker that is at it."""
    take_lock(AdvisoryLock.POSITIONS)
    for model in (LoanPosition, BookPosition, DueSum, DebtorSum, PositionDay, DaySum):
        db.session.execute(delete(model))
    keep_days(ctx, shares)


def _build(day: PositionDay) -> bool:
    """The next loans of a day that has no positions yet. Those that open meanwhile are among the changes."""
    some = select(Loan.id).where(Loan.id > day.built_to).order_by(Loan.id).limit(BATCH)
    loans = db.session.scalars(some).all()
    if loans:
        _replace(day.day, loans)
        day.built_to = loans[-1]
    else:
        day.ready = True
    return True


def _replace(day: date, loan_ids: Collection[int]) -> None:
    """Compute the positions of some loans on a day in place of those that are kept, and carry the sums along."""
    values = {"day": day, "loans": list(loan_ids)}
    for take_out in _TAKE_OUT:
        db.session.execute(take_out, values)
    db.session.execute(
        delete(LoanPosition).where(LoanPosition.day == day, among(LoanPosition.loan_id, loan_ids))
    )
    rows = [_values(row, day) for row in loans_owed(loan_ids, day)]
    if rows:
        db.session.execute(insert(LoanPosition), rows)
        for put_in in _PUT_IN:
            db.session.execute(put_in, values)
    for sums in (BookPosition, DueSum, DebtorSum):
        db.session.execute(delete(sums).where(sums.day == day, sums.loans == 0))


def _values(row: LoanRow, day: date) -> dict[str, object]:
    position = position_of(row)._asdict()
    kept = {name: position[name] for name in (*ALIKE, *FIGURES)}
    keys = {"loan_id": row.loan_id, "credit_line_id": row.credit_line_id, "debtor_id": row.debtor_id}
    return {**kept, "day": day, "due_date": row.due_date, **keys}


def _carry(sign: str) -> TextClause:
    """Add the positions of some loans to the sums, or take them out."""
    alike, figures = ", ".join(ALIKE), ", ".join(FIGURES)
    return text(f"""
        INSERT INTO book_positions AS b (day, credit_line_id, {alike}, loans, {figures})
        SELECT day, credit_line_id, {alike}, {sign}count(*), {", ".join(f"{sign}sum({name})" for name in FIGURES)}
        FROM loan_positions WHERE day = :day AND loan_id = ANY (:loans) GROUP BY day, credit_line_id, {alike}
        ON CONFLICT (day, credit_line_id, {alike}) DO UPDATE SET loans = b.loans + EXCLUDED.loans,
            {", ".join(f"{name} = b.{name} + EXCLUDED.{name}" for name in FIGURES)}
    """)  # noqa: S608 - names of columns only


def _carry_due(sign: str) -> TextClause:
    """The same for the sums by due date."""
    return text(f"""
        INSERT INTO due_sums AS d (day, kind, key, due_date, loans, term, purchaser_term)
        SELECT p.day, s.kind, s.key, p.due_date, {sign}count(*),
            {sign}COALESCE(sum(p.term) FILTER (WHERE p.in_book), 0), {sign}sum(p.purchaser_term)
        FROM loan_positions p JOIN credit_lines c ON c.id = p.credit_line_id CROSS JOIN LATERAL (VALUES
            ('book', 0::bigint), ('supplier', c.supplier_id), ('purchaser', c.purchaser_id)) s (kind, key)
        WHERE p.day = :day AND p.loan_id = ANY (:loans) GROUP BY 1, 2, 3, 4
        ON CONFLICT (day, kind, key, due_date) DO UPDATE SET loans = d.loans + EXCLUDED.loans,
            term = d.term + EXCLUDED.term, purchaser_term = d.purchaser_term + EXCLUDED.purchaser_term
    """)  # noqa: S608 - a sign only


def _carry_debtors(sign: str, which: str = "AND p.loan_id = ANY (:loans)") -> TextClause:
    """The same for the sums by debtor."""
    return text(f"""
        INSERT INTO debtor_sums AS d (day, share, debtor_id, loans, principal, live, provision)
        SELECT p.day, s.share, p.debtor_id, {sign}count(*), {sign}sum(p.principal), {sign}sum(p.live),
            {sign}sum({PROVIDED})
        FROM loan_positions p JOIN position_days n ON n.day = p.day CROSS JOIN LATERAL unnest(n.shares) s (share)
        WHERE p.day = :day AND p.in_book AND p.live <> 0 {which} GROUP BY 1, 2, 3
        ON CONFLICT (day, share, debtor_id) DO UPDATE SET loans = d.loans + EXCLUDED.loans,
            principal = d.principal + EXCLUDED.principal, live = d.live + EXCLUDED.live,
            provision = d.provision + EXCLUDED.provision
    """)  # noqa: S608 - our own words only


_TAKE_OUT, _PUT_IN = ([_carry(sign), _carry_due(sign), _carry_debtors(sign)] for sign in ("-", ""))
_ALL_DEBTORS = _carry_debtors("", "")
