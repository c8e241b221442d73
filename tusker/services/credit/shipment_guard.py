"""One order or parcel stands behind one live invoice: who came first, in words."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import text

from tusker.errors import Duplicate
from tusker.extensions import db

STANDING_FOR_IT = """
    SELECT invoice_id FROM shipments
    WHERE carrier = w.carrier AND order_ref = w.ref AND stands AND carrier NOT IN ('manual', 'replay')
    UNION SELECT invoice_id FROM shipments
    WHERE parcel_of(carrier, order_ref) && parcel_of(w.carrier, w.ref)
        AND stands AND parcel_of(carrier, order_ref) IS NOT NULL
"""
"""The live invoices that stand for the order or parcel w.ref of w.carrier, by the rule of the database's guards."""

STANDING = text(
    f"""
    SELECT i.id, i.number, i.supplier_id
    FROM (SELECT CAST(:carrier AS text) AS carrier, ref FROM unnest(CAST(:refs AS text[])) AS r (ref)) AS w
    CROSS JOIN LATERAL ({STANDING_FOR_IT}) AS s
    JOIN invoices i ON i.id = s.invoice_id
    ORDER BY i.supplier_id <> :supplier_id, i.id LIMIT 1
    """  # noqa: S608 - constant text
)


def check_shipment_free(supplier_id: int, carrier: str, ref: str, aliases: Iterable[str] = ()) -> None:
    """Raise `Duplicate` when a live invoice stands for this order; for a parcel, under any of its names.

    It is financed once, by whomever, a parcel at whichever parcel carrier. The database keeps it so, by
    `uq_shipments_one_live_order` and `ex_shipments_one_live_parcel`; this says beforehand, and afterwards, who came
    first.
    """
    names = {ref, *aliases}
    # Of a parcel with a courier its bare number is no name: another courier may have it too.
    bare = {name.rpartition("/")[2] for name in names if "/" in name}
    row = db.session.execute(
        STANDING, {"refs": sorted(names - bare), "carrier": carrier, "supplier_id": supplier_id}
    ).first()
    if row is None:
        return
    if row.supplier_id != supplier_id:
        raise Duplicate(
            f"“{ref}” stands behind another request for financing already.",
            field="order_ref",
            problem="duplicate",
        )
    raise Duplicate(
        f"Financing of “{ref}” was requested already, as invoice {row.number}.",
        field="order_ref",
        problem="duplicate",
        invoice_id=row.id,
    )
