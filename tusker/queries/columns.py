"""The columns that a query reads into a row's class."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import InstrumentedAttribute, aliased

from tusker.extensions import Base
from tusker.models import Customer

SUPPLIER, PURCHASER = aliased(Customer, name="supplier"), aliased(Customer, name="purchaser")
"""The companies of an invoice or credit line, for queries that name both."""
Rows = Sequence[Row[*tuple[Any, ...]]]
"""What a query found, for a page that shows its columns by their names."""


def between_companies(model: Any, supplier_id: int | None, purchaser_id: int | None) -> list[Any]:
    """The conditions by which a table's rows are a supplier's, a purchaser's or those of both; none for all."""
    sides = ((model.supplier_id, supplier_id), (model.purchaser_id, purchaser_id))
    return [side == company for side, company in sides if company is not None]


def columns_of(model: type[Base], row: type) -> list[InstrumentedAttribute[Any]]:
    """Those columns of a table that a row's class has a field of the same name for."""
    names = model.__table__.columns.keys()
    return [getattr(model, field.name) for field in fields(row) if field.name in names]
