"""The forms of companies as a browser sends them, and what they wrote."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from tusker.extensions import db
from tusker.models import Customer

TERMS_TYPED = {
    "advance_rate": "80",
    "apr": "18",
    "tenor_days": "90",
    "day_count": "ACT/365F",
    "interest_method": "simple",
    "interest_timing": "arrears",
    "due_convention": "none",
    "collection": "debt",
    "fee_flat": "0",
    "fee_rate": "0",
    "grace_days": "0",
    "penal_rate": "0",
}
SUPPLIER_TYPED = {
    **TERMS_TYPED,
    "name": "Asha Textiles",
    "reference": "A-17",
    "email": "accounts@asha.example",
    "is_supplier": "y",
    "supplier_limit": "2,50,000.00",
    "purchaser_limit": "",
}


def typed(**changes: Any) -> dict[str, Any]:
    """The form of a new supplier with some fields typed otherwise; None leaves a field out."""
    return {name: value for name, value in {**SUPPLIER_TYPED, **changes}.items() if value is not None}


def count(model: type) -> int:
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def company(name: str) -> Customer:
    db.session.expire_all()
    return db.session.scalars(select(Customer).where(Customer.name == name)).one()
