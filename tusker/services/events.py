"""The append-only event table's one writer for everything but admission, which writes its own row in SQL."""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session, SessionTransaction

from tusker.extensions import AFTER_FLUSH, Base, ReadingSession, db
from tusker.models import Event
from tusker.prepared import Prepared
from tusker.services.context import Context


class Subject(StrEnum):
    """What an event is about: most are their tables' names in the singular."""

    INVOICE = "invoice"
    CUSTOMER = "customer"
    CREDIT_LINE = "credit_line"
    DISBURSAL = "disbursal"
    STATEMENT = "statement"
    STATEMENT_ENTRY = "statement_entry"
    STATEMENT_PROFILE = "statement_profile"
    STATEMENT_UPLOAD = "statement_upload"
    INVOICE_FILE = "invoice_file"
    USER = "user"
    CARRIER = "carrier"
    ATTENTION = "attention"
    RISK_RULE = "risk_rule"


_TABLES = {
    "statement_entries": Subject.STATEMENT_ENTRY,
    "bank_statements": Subject.STATEMENT,
    "attention_items": Subject.ATTENTION,
}


def _subject_of(row: Any) -> tuple[str, int]:
    table = row.__tablename__
    return _TABLES.get(table) or Subject(table.removesuffix("s")), row.id


_WAITING = "tusker_events"
AT_ONCE = 10_000
_WRITE = Prepared(
    text(
        """
    INSERT INTO events (at, actor_id, actor, subject, subject_id, kind, from_value, to_value, reason, data)
    SELECT at, actor_id, actor, subject, subject_id, kind, from_value, to_value, reason, data
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e (at timestamptz, actor_id bigint, actor text, subject text,
        subject_id bigint, kind text, from_value text, to_value text, reason text, data jsonb)
    """
    )
)


def record_event(
    ctx: Context,
    about: Base | tuple[str, int],
    kind: str,
    *,
    from_value: object = None,
    to_value: object = None,
    reason: str = "",
    **data: object,
) -> None:
    """Add one event row to the current transaction, `about` a row or a subject and its id. Figures in `data` are minor
    units; values must be JSON-able. It is written with the next flush, together with others.

    `asks_second` among it says that an admin may do this alone only where no second one is asked for
    (`services.proposals`).
    """
    if data.get("asks_second") is False:
        del data["asks_second"]
    subject, subject_id = about if isinstance(about, tuple) else _subject_of(about)
    row: dict[str, Any] = {
        "actor_id": ctx.actor_id,
        "actor": ctx.actor,
        "subject": subject,
        "subject_id": subject_id,
        "kind": kind,
        "from_value": None if from_value is None else str(from_value)[:200],
        "to_value": None if to_value is None else str(to_value)[:200],
        "reason": reason,
        "data": data,
    }
    session = db.session()
    if not session.in_transaction():
        session.begin()  # with whose end it goes
    session.info.setdefault(_WAITING, []).append({"at": ctx.now.isoformat(), **row})
    if ctx.events is not None:
        ctx.events.append(Event(at=ctx.now, **row))


def _write(session: Session) -> None:
    if rows := session.info.pop(_WAITING, None):
        for start in range(0, len(rows), AT_ONCE):  # a JSON array has a bound
            _WRITE.rows(session.connection(), {"rows": json.dumps(rows[start : start + AT_ONCE])})


def _forget(session: Session, transaction: SessionTransaction) -> None:
    """What waits when a transaction or savepoint ends was rolled back."""
    if transaction.nested or transaction.parent is None:
        session.info.pop(_WAITING, None)


AFTER_FLUSH.append(_write)
event.listen(ReadingSession, "after_transaction_end", _forget)
