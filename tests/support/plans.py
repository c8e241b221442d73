"""How the database would answer the statements of pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tusker.extensions import db

GROWING = frozenset(
    {
        "allocations",
        "disbursal_lines",
        "event_seals",
        "events",
        "exposure_movements",
        "idempotency_keys",
        "invoices",
        "loan_positions",
        "loans",
        "outbox",
        "payouts",
        "receipts",
        "reminders",
        "reserve_movements",
        "shipment_documents",
        "shipment_events",
        "shipments",
        "statement_entries",
    }
)
"""Tables that get rows with every invoice, or nearly so."""


def scanned(statement: str, parameters: Any) -> set[str]:
    """The growing tables that the plan of a SELECT reads from end to end; none for any other statement."""
    if not statement.lstrip().upper().startswith(("SELECT", "WITH")):
        return set()
    cursor = db.session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    (found,) = cursor.fetchone()
    plan = found if isinstance(found, list) else json.loads(found)
    return {
        node["Relation Name"]
        for node in _nodes(plan[0]["Plan"])
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING
    }


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
