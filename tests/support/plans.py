"""How the database would answer the statements of pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tusker.extensions import db
from tusker.prepared import Prepared

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
    return {
        node["Relation Name"]
        for node in _planned(statement, parameters)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in GROWING
    }


def indexes_of(prepared: Prepared, values: Mapping[str, object]) -> set[str]:
    """The indexes that the plan of a prepared statement reads."""
    nodes = _planned(prepared._sql, {**prepared._constants, **values})
    return {node["Index Name"] for node in nodes if "Index Name" in node}


def _planned(statement: str, parameters: Any) -> Iterator[dict[str, Any]]:
    cursor = db.session.connection().connection.cursor()
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    (found,) = cursor.fetchone()
    plan = found if isinstance(found, list) else json.loads(found)
    return _nodes(plan[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)
