"""Counting what a page asks of the database, and how often debts are worked out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, event

from tusker.domain.loans import interest
from tusker.extensions import db
from tusker.prepared import Prepared


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements sent to the database meanwhile.

    Left out are the look at the carriers' settings, which a process makes every few seconds and not with each page, and
    the look at their gates, a few times a second.
    """
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "carrier_settings" not in statement and "carrier_states" not in statement:
            sent.append(statement)

    run = Prepared.rows

    def note_prepared(self: Prepared, connection: Connection, values: Mapping[str, object]) -> list[Any]:
        note(None, None, self._sql)
        return run(self, connection, values)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with patch.object(Prepared, "rows", note_prepared):
            yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@contextmanager
def dues() -> Iterator[list[date]]:
    """The days that somebody asked `amount_due` about meanwhile, each as often as it was asked."""
    days: list[date] = []
    reckon = interest.charges_accrued

    def note(debt: interest.Debt, day: date) -> interest.Charges:
        days.append(day)
        return reckon(debt, day)

    with patch.object(interest, "charges_accrued", note):
        yield days


@contextmanager
def costs(*, sends: int, reckons: int) -> Iterator[None]:
    """Fail unless exactly so many statements are sent, of which one locks the loans, and so many debts are worked
    out."""
    db.session.rollback()
    with statements() as sent, dues() as reckoned:
        yield
    locked = [table for text in sent for table in re.findall(r"FOR NO KEY UPDATE OF (\w+)", text)]
    assert (locked.count("invoices"), locked.count("loans")) == (1, 1), locked
    assert (len(sent), len(reckoned)) == (sends, reckons), "\n".join(sent)
