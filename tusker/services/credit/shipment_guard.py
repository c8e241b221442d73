"""A number, and an order or parcel, stand behind one live invoice each: who came first, in words."""

from collections.abc import Iterable

from sqlalchemy import text

from tusker.domain.credit.lifecycle import STATUS_SAID
from tusker.domain.numbers import strict_form
from tusker.errors import Duplicate
from tusker.extensions import db
from tusker.messages import say
from tusker.queries.credit.requests import STANDING_FOR_IT, names_of

STANDING = text(
    f"""
    SELECT i.id, i.number, i.status, i.supplier_id, found.by_number
    FROM (
        SELECT id AS invoice_id, true AS by_number FROM invoices
        WHERE supplier_id = :supplier_id AND number_strict = :number AND status NOT IN ('rejected', 'cancelled')
        UNION ALL
        SELECT s.invoice_id, false
        FROM (SELECT CAST(:carrier AS text) AS carrier, ref FROM unnest(CAST(:refs AS text[])) AS r (ref)) AS w
        CROSS JOIN LATERAL ({STANDING_FOR_IT}) AS s
    ) AS found JOIN invoices i ON i.id = found.invoice_id
    ORDER BY NOT found.by_number, i.supplier_id <> :supplier_id, i.id LIMIT 1
    """  # noqa: S608 - constant text
)


WAITING_FOR = text(
    """
    SELECT w.invoice_id, w.supplier_id, i.number FROM waiting_requests w JOIN invoices i ON i.id = w.invoice_id
    WHERE w.id = waiting_for(:supplier_id, :number, :carrier, :ref)
    """
)


def check_not_waiting(
    supplier_id: int, number: str, carrier: str, ref: str, *, field: str = "order_ref"
) -> None:
    """Raise `Duplicate` when a request for this number, order or parcel is on the waiting list."""
    wanted = {"supplier_id": supplier_id, "number": strict_form(number), "carrier": carrier, "ref": ref}
    row = db.session.execute(WAITING_FOR, wanted).first()
    if row is None:
        return
    _check_own(supplier_id, row.supplier_id, ref)
    raise Duplicate(
        "Financing of “{row_number}” is on the waiting list. Take it off the list to request it again.",
        row_number=row.number,
        field=field,
        problem="duplicate",
        invoice_id=row.invoice_id,
    )


def _check_own(supplier_id: int, found: int, ref: str) -> None:
    if found != supplier_id:
        raise Duplicate(
            "“{ref}” is already used by another financing request.",
            ref=ref,
            field="order_ref",
            problem="duplicate",
        )


def check_free(
    supplier_id: int,
    number: str,
    carrier: str,
    ref: str,
    aliases: Iterable[str] = (),
    *,
    field: str = "order_ref",
) -> None:
    """Raise `Duplicate` when a live invoice has this number, however it was typed (naming `field`), or stands for this
    order or parcel.

    An order is financed once, by whomever, and a parcel under any of its names, at whichever parcel carrier. The
    database keeps it so, by `uq_invoices_live_number`, `uq_shipments_one_live_order` and
    `ex_shipments_one_live_parcel`; this says beforehand, and afterwards, who came first.
    """
    wanted = {
        "supplier_id": supplier_id,
        "number": strict_form(number),
        "carrier": carrier,
        "refs": names_of(ref, tuple(aliases)),
    }
    row = db.session.execute(STANDING, wanted).first()
    if row is None:
        return
    _check_own(supplier_id, row.supplier_id, ref)
    requested = say(
        "Financing of “{ref}” was requested already, as invoice {number}.", ref=ref, number=row.number
    )
    if row.by_number:
        requested = say(
            "Financing of “{number}” was requested already; it is {status}.",
            number=row.number,
            status=STATUS_SAID[row.status],
        )
    raise Duplicate(
        requested,
        field=field if row.by_number else "order_ref",
        problem="duplicate",
        invoice_id=row.id,
    )
