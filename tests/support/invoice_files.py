"""A few companies with lines, and files about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from tusker.carriers.registry import get_carriers
from tusker.csv.tables import read_table
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, OutboxMessage, Shipment
from tusker.services.context import Context
from tusker.services.credit.importing.file import ImportOptions, parse_mapping, read_invoices
from tusker.services.credit.importing.running import ImportReport, run_import
from tusker.transactions import transaction

MAPPING = "number=No,supplier=Seller,purchaser=Buyer,amount=Amount,date=Date"
TRACKED_MAPPING = f"{MAPPING},order_ref=Order,carrier=Carrier"
HEADER = "No,Seller,Buyer,Amount,Date"
ROW = "INV-1,S-1,B-1,1000.00,2026-02-27"


@dataclass
class ImportDesk:
    """Two sellers and two buyers with a line each way; B-2 buys from S-1 only."""

    ctx: Context
    lines: dict[str, CreditLine]

    def run(self, text: str | bytes, *, mapping: str = MAPPING, **how: Any) -> ImportReport:
        """Import a file given as text."""
        run_how = {k: how.pop(k) for k in ("all_or_nothing", "dry_run") if k in how}
        options = ImportOptions(
            mapping=parse_mapping(mapping),
            carriers=frozenset(get_carriers()),
            **({"carrier": "tusker"} | how),
        )
        data = text.encode() if isinstance(text, str) else text
        file = read_invoices(self.ctx, read_table(data), options)
        return run_import(self.ctx, file, options, transaction=transaction, **run_how)


def csv_of(*rows: str, header: str = HEADER) -> str:
    """A file of these rows."""
    return "\n".join([header, *rows]) + "\n"


def everything() -> dict[str, Any]:
    """What an import may change, to compare before and after."""
    counters = db.session.execute(select(CreditLine.id, CreditLine.used_amount).order_by(CreditLine.id)).all()
    tables = (Invoice, Shipment, Event, OutboxMessage)
    counts = {t.__tablename__: db.session.scalar(select(func.count()).select_from(t)) for t in tables}
    return {**counts, "lines": [tuple(row) for row in counters]}
