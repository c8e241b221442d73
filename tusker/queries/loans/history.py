"""What happened on past days and what is due on coming ones, of the book or of one company: from kept sums, of which
there is a row a day, and from what was booked since the last kept day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from operator import add, attrgetter
from pathlib import Path

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from tusker.chunks import chunks
from tusker.extensions import db
from tusker.models import DaySum, ExposureMovement
from tusker.queries.loans.loan_rows import LoanRow
from tusker.queries.loans.loans import loans_owed, open_loans
from tusker.queries.record.proof import Mismatch, Part

FLOWS_SQL = (Path(__file__).parent / "flows.sql").read_text()


@dataclass(frozen=True, slots=True)
class Whose:
    """The book, or one company's side of it; its page says which one."""

    supplier_id: int | None = None
    purchaser_id: int | None = None

    @property
    def kind(self) -> str:
        """How kept sums name it."""
        if self.supplier_id is not None:
            return "supplier"
        return "book" if self.purchaser_id is None else "purchaser"

    @property
    def key(self) -> int:
        """The company's id; 0 for the book."""
        return self.supplier_id if self.supplier_id is not None else self.purchaser_id or 0


BOOK = Whose()


@dataclass(frozen=True, slots=True)
class Flow:
    """What happened in some days; see `tusker.models.loans.position.Flows`. Money in minor units."""

    lent: int = 0
    paid_out: int = 0
    repaid: int = 0
    principal_repaid: int = 0
    earned: int = 0
    lost: int = 0
    exposure: int = 0
    deliveries: int = 0
    delivery_hours: int = 0
    payment_days: int = 0

    def __add__(self, other: Flow) -> Flow:
        return Flow(*map(add, _figures(self), _figures(other)))

    @property
    def outstanding(self) -> int:
        """By how much the open principal of the loans grew."""
        return self.lent - self.principal_repaid - self.lost

    @property
    def days_to_delivery(self) -> int | None:
        """From the request to the delivery, on average; None where nothing was delivered."""
        return round(self.delivery_hours / self.deliveries / 24) if self.deliveries > 0 else None

    @property
    def days_to_payment(self) -> int | None:
        """From the payout to the payment, on average over the principal; None where none came back."""
        return round(self.payment_days / self.principal_repaid) if self.principal_repaid > 0 else None


NAMES = tuple(field.name for field in fields(Flow))
_figures = attrgetter(*NAMES)
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in NAMES)
_KEPT_TO = select(func.max(DaySum.day)).where(DaySum.kind == "book", DaySum.key == 0)
_SETTLED = timedelta(days=2)
"""So many days ago nothing is booked any more. Sums of later days are of a worker whose clock ran ahead."""
_FLOWS = f"""
    WITH fresh AS ({FLOWS_SQL})
    SELECT key, day, {", ".join(NAMES)} FROM day_sums
    WHERE kind = :kind AND key = ANY (:keys) AND day >= :since AND day <= :after
    UNION ALL
    SELECT key, day, {_SUMS} FROM (
        SELECT CASE :kind WHEN 'supplier' THEN supplier_id WHEN 'purchaser' THEN purchaser_id ELSE 0 END AS key, fresh.*
        FROM fresh WHERE day >= :since
    ) f WHERE key = ANY (:keys) GROUP BY key, day
"""  # noqa: S608 - names of columns only
_HISTORY = text(_FLOWS)
_TOGETHER = text(f"SELECT key, {_SUMS} FROM ({_FLOWS}) each GROUP BY key")  # noqa: S608


def history(since: date, until: date, whose: Whose = BOOK) -> dict[date, Flow]:
    """The flows of each day on which something happened."""
    rows = db.session.execute(_HISTORY, _values(since, until, whose.kind, [whose.key]))
    return {day: Flow(*figures) for _, day, *figures in rows}


def flows_of_purchasers(since: date, until: date, purchaser_ids: list[int]) -> dict[int, Flow]:
    """The flows of some purchasers, each summed over all days."""
    found = dict.fromkeys(purchaser_ids, Flow())
    values = _values(since, until, "purchaser", purchaser_ids)
    return found | {row[0]: Flow(*row[1:]) for row in db.session.execute(_TOGETHER, values)}


def _values(since: date, until: date, kind: str, keys: list[int]) -> dict[str, object]:
    kept_to = db.session.scalar(_KEPT_TO.where(DaySum.day <= until - _SETTLED)) or date.min
    return {"since": since, "after": kept_to, "until": until, "kind": kind, "keys": keys}


@dataclass(frozen=True, slots=True)
class Due:
    """What is due on a day at the end of the terms, in minor units: of the debts, and what purchasers have to pay."""

    term: int = 0
    purchaser_term: int = 0

    def __add__(self, other: Due) -> Due:
        return Due(self.term + other.term, self.purchaser_term + other.purchaser_term)


# One statement, so that sums, changes and the positions that these replace are of one snapshot.
_DUE = text("""
    WITH changed AS (SELECT DISTINCT loan_id FROM loan_changes), kept AS (
        SELECT due_date, term, purchaser_term FROM due_sums WHERE day = :day AND kind = :kind AND key = :key
        UNION ALL
        SELECT p.due_date, CASE WHEN p.in_book THEN -p.term ELSE 0 END, -p.purchaser_term
        FROM loan_positions p JOIN changed c ON c.loan_id = p.loan_id JOIN credit_lines l ON l.id = p.credit_line_id
        WHERE p.day = :day AND (:kind = 'book' OR :key = CASE :kind WHEN 'supplier' THEN l.supplier_id
            ELSE l.purchaser_id END)
    ), sums AS (
        SELECT due_date, sum(term)::bigint AS term, sum(purchaser_term)::bigint AS purchaser_term
        FROM kept GROUP BY due_date
    )
    SELECT d.ready, d.changed, s.* FROM (
        SELECT EXISTS (SELECT 1 FROM position_days WHERE day = :day AND ready) AS ready,
            ARRAY(SELECT loan_id FROM changed) AS changed
    ) d LEFT JOIN sums s ON d.ready
""")


def due_by_day(today: date, whose: Whose = BOOK) -> dict[date, Due]:
    """What is due on each day, past ones included: together what is owed at the end of all terms."""
    rows = db.session.execute(_DUE, {"day": today, "kind": whose.kind, "key": whose.key}).all()
    ready, changed, *_ = rows[0]
    found: dict[date, Due] = {}
    if not ready:
        _add(found, open_loans(today, supplier_id=whose.supplier_id, purchaser_id=whose.purchaser_id))
        return found
    for row in rows:
        if row.due_date is not None:
            found[row.due_date] = Due(row.term, row.purchaser_term)
    for some in chunks(changed, 2_000):
        fresh = loans_owed(some, today, supplier_id=whose.supplier_id, purchaser_id=whose.purchaser_id)
        _add(found, fresh)
    return found


def _add(found: dict[date, Due], rows: Iterable[LoanRow]) -> None:
    for row in rows:
        in_book = row.closed_on is None or row.closed_on > row.as_of
        due = Due(row.term.total if in_book else 0, row.purchaser_owes_at_term)
        found[row.due_date] = found.get(row.due_date, Due()) + due


_SCOPES = f"""
    SELECT CASE WHEN grouping(supplier_id) = 0 THEN 'supplier' WHEN grouping(purchaser_id) = 0 THEN 'purchaser'
            ELSE 'book' END AS kind,
        COALESCE(supplier_id, purchaser_id, 0) AS key, day, {_SUMS}
    FROM ({FLOWS_SQL}) f GROUP BY GROUPING SETS ((day), (supplier_id, day), (purchaser_id, day))
"""  # noqa: S608 - names of columns only
_KEEP = text(f"INSERT INTO day_sums (kind, key, day, {', '.join(NAMES)}) {_SCOPES}")
# A delivery that was held again has another day.
_PROVED = tuple(name for name in NAMES if not name.startswith("deliver"))
_WRONG = text(f"""
    WITH rows AS ({_SCOPES})
    SELECT COALESCE(s.kind, r.kind) AS kind, COALESCE(s.key, r.key) AS key, day,
        ARRAY[{", ".join(f"COALESCE(s.{name}, 0)" for name in NAMES)}] AS stored,
        ARRAY[{", ".join(f"COALESCE(r.{name}, 0)" for name in NAMES)}] AS recomputed
    FROM (SELECT * FROM day_sums WHERE day <= :until) s FULL JOIN rows r USING (kind, key, day)
    WHERE {" OR ".join(f"COALESCE(s.{name}, 0) <> COALESCE(r.{name}, 0)" for name in _PROVED)}
    ORDER BY day, 1, 2 LIMIT 100
""")  # noqa: S608


def keep_days(until: date) -> None:
    """Sum the days up to one that are not summed yet: days on which nothing is booked any more.

    Nothing is kept before anything was booked, so that a demo that is sown later is not missed.
    """
    kept_to = db.session.scalar(_KEPT_TO) or date.min
    if kept_to > until:
        # a clock ran ahead: what was booked since on these days is not in their sums
        db.session.execute(delete(DaySum).where(DaySum.day > until))
        kept_to = db.session.scalar(_KEPT_TO) or date.min
    if kept_to >= until or not db.session.scalar(select(select(ExposureMovement.id).exists())):
        return
    db.session.execute(_KEEP, {"after": kept_to, "until": until})
    mark = {"kind": "book", "key": 0, "day": until, **dict.fromkeys(NAMES, 0)}
    db.session.execute(upsert(DaySum).on_conflict_do_nothing(), mark)


def wrong_day_sums(part: Part | None = None) -> list[Mismatch]:
    """Kept sums of past days that differ from what was booked on them; with a `part` only on its turn, once a week."""
    kept_to = db.session.scalar(_KEPT_TO)
    if kept_to is None or (part is not None and not part.has(0)):
        return []
    found = []
    for row in db.session.execute(_WRONG, {"after": date.min, "until": kept_to}):
        for name, stored, recomputed in zip(NAMES, row.stored, row.recomputed, strict=True):
            if stored != recomputed and name in _PROVED:
                found.append(
                    Mismatch(f"{name} of a day", f"{row.kind} {row.key}, {row.day}", stored, recomputed)
                )
    return found
