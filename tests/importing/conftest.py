"""A few companies with lines, and files about them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests.conftest import PROGRAMME_LIMIT, TERMS
from tusker.carriers.registry import get_carriers
from tusker.extensions import db
from tusker.models import CreditLine, Event, Invoice, OutboxMessage, Shipment
from tusker.services.context import Context
from tusker.services.credit.credit_lines import LineData, open_credit_line
from tusker.services.credit.customers import CustomerData, create_customer
from tusker.services.credit.import_file import ImportOptions, parse_mapping, read_invoices
from tusker.services.credit.importing import ImportReport, run_import
from tusker.services.csv_input import read_table
from tusker.transactions import transaction

MAPPING = "number=No,supplier=Seller,purchaser=Buyer,amount=Amount,date=Date"
TRACKED_MAPPING = f"{MAPPING},order_ref=Order,carrier=Carrier"
HEADER = "No,Seller,Buyer,Amount,Date"
ROW = "INV-1,S-1,B-1,1000.00,2026-02-27"


@dataclass
class Desk:
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


@pytest.fixture
def desk(app: Flask, ctx: Context) -> Desk:
    """Limits: S-1 100,000.00; its line with B-1 10,000.00; the advance rate is 80 %."""
    lines = {}
    with transaction():
        ids = {
            ref: create_customer(
                ctx, CustomerData(name, reference=ref, terms=TERMS, **sides), programme_limit=PROGRAMME_LIMIT
            ).id
            for ref, name, sides in (
                ("S-1", "Shakti Castings", {"supplier_limit": 100_000_00}),
                ("S-2", "Sagar Textiles", {"supplier_limit": 100_000_00}),
                ("B-1", "Bharat Motors", {"purchaser_limit": 100_000_00}),
                ("B-2", "Brahma Retail", {"purchaser_limit": 100_000_00}),
            )
        }
        for seller, buyer in (("S-1", "B-1"), ("S-2", "B-1"), ("S-1", "B-2")):
            data = LineData(10_000_00, TERMS, valid_from=ctx.today)
            lines[f"{seller} {buyer}"] = open_credit_line(ctx, ids[seller], ids[buyer], data)
    return Desk(ctx, lines)


@pytest.fixture
def written(desk: Desk) -> Callable[[], bool]:
    """Whether anything has been written since the test began."""
    before = everything()
    return lambda: everything() != before
