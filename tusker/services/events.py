"""The append-only event table's one writer for everything but admission, which writes its own row in SQL."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Table, insert

from tusker.extensions import Base, db
from tusker.models import Event
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
    units; values must be JSON-able.

    `asks_second` among it says that an admin may do this alone only where no second one is asked for
    (`services.proposals`).
    """
    if data.get("asks_second") is False:
        del data["asks_second"]
    subject, subject_id = about if isinstance(about, tuple) else _subject_of(about)
    values = {
        "at": ctx.now,
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
    if ctx.together is not None:
        ctx.together.append(values)
        return
    event = Event(**values)
    db.session.add(event)
    if ctx.events is not None:
        ctx.events.append(event)


def write_events(together: Sequence[dict[str, Any]]) -> None:
    """Write the events that `ctx.together` collected."""
    if together:
        db.session.execute(insert(cast(Table, Event.__table__)), together)
