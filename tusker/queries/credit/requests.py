"""How new requests for financing stand before they are admitted: one statement for any number of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Boolean, Integer, bindparam, column, select, text, true

from tusker.domain.numbers import loose_forms, strict_form
from tusker.extensions import db
from tusker.models import CreditLine
from tusker.prepared import Prepared
from tusker.queries.credit.credit_lines import LineRow, line_row, line_rows

STANDING_FOR_IT = """
    SELECT invoice_id FROM shipments
    WHERE carrier = w.carrier AND order_ref = w.ref AND stands AND carrier NOT IN ('manual', 'replay')
    UNION SELECT invoice_id FROM shipments
    WHERE parcel_of(carrier, order_ref) && parcel_of(w.carrier, w.ref)
        AND stands AND parcel_of(carrier, order_ref) IS NOT NULL
"""
"""The live invoices that stand for the order or parcel w.ref of w.carrier, by the rule of the database's guards."""


@dataclass(frozen=True)
class Asked:
    """What a request is about: an order with the ids that its delivery company gives both companies, or a parcel on a
    credit line. `names` are all under which it may be stored, see `names_of`."""

    carrier: str
    ref: str
    names: Sequence[str]
    number: str
    seller: str | None = None
    place: str | None = None
    line_id: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands."""

    line: LineRow | None
    """The supplier's credit line that it would be on."""
    own: bool
    """Whether the order is this supplier's."""
    taken: bool
    """Whether a live invoice has its number, or stands for its order or parcel."""
    waits: bool
    """Whether the same is on the waiting list."""
    ruled: bool
    """Whether there are rules of risk at all."""
    alike: bool
    """Whether a live invoice on the line looks like it: another one of the same amount, see `loose_forms`."""


_ASKED = (
    text(
        f"""
        SELECT q.n::int AS n, line.id AS line_id,
            (
                SELECT o.customer_id = :supplier_id FROM carrier_identities o
                WHERE o.carrier = a.carrier AND o.side = 'supplier' AND o.external_id = a.seller
            ) AS own,
            COALESCE((
                SELECT true FROM invoices WHERE supplier_id = :supplier_id AND number_strict = a.number
                AND status NOT IN ('rejected', 'cancelled') LIMIT 1
            ), (
                SELECT true FROM (SELECT a.carrier, ref FROM jsonb_array_elements_text(a.names) AS r (ref)) AS w
                CROSS JOIN LATERAL ({STANDING_FOR_IT}) AS s LIMIT 1
            ), false) AS taken,
            waiting_for(:supplier_id, a.number, a.carrier, a.ref) IS NOT NULL AS waits,
            COALESCE((
                SELECT true FROM invoices o  -- a range, so that the line's index is taken and not that of all amounts
                WHERE o.credit_line_id = line.id AND o.amount BETWEEN a.amount AND a.amount
                    AND o.supplier_id = :supplier_id
                    AND o.number_loose && ARRAY(SELECT jsonb_array_elements_text(a.loose))
                    AND o.status NOT IN ('rejected', 'cancelled') LIMIT 1
            ), false) AS alike,
            EXISTS (
                SELECT 1 FROM risk_rules
                WHERE ended_at IS NULL AND valid_from <= :today AND COALESCE(valid_to >= :today, true)
            ) AS ruled
        FROM jsonb_array_elements(CAST(:asked AS jsonb)) WITH ORDINALITY AS q (body, n)
        CROSS JOIN LATERAL jsonb_to_record(q.body) AS a (
            carrier text, ref text, names jsonb, number text, loose jsonb, seller text, place text, line_id bigint,
            amount bigint)
        LEFT JOIN LATERAL (
            SELECT c.id FROM credit_lines c WHERE c.supplier_id = :supplier_id AND (
                c.id = a.line_id OR c.purchaser_id = (
                    SELECT p.customer_id FROM carrier_identities p
                    WHERE p.carrier = a.carrier AND p.side = 'purchaser' AND p.external_id = a.place))
            LIMIT 1
        ) AS line ON true
        """  # noqa: S608 - constant text
    )
    .bindparams(bindparam("supplier_id", type_=BigInteger))
    .columns(
        column("n", Integer),
        column("line_id", BigInteger),
        *(column(name, Boolean) for name in ("own", "taken", "waits", "ruled", "alike")),
    )
    .subquery("asked")
)
# The limits have each found by its index: how many requests there are is not known when the statement is planned.
_LINE = line_rows().where(CreditLine.id == _ASKED.c.line_id).limit(1).lateral("line")
_STANDINGS = Prepared(
    select(_ASKED.c.own, _ASKED.c.taken, _ASKED.c.waits, _ASKED.c.ruled, _ASKED.c.alike, _LINE)
    .outerjoin(_LINE, true())
    .order_by(_ASKED.c.n)
)


def names_of(ref: str, aliases: Sequence[str] = ()) -> list[str]:
    """The names under which an order or parcel may be stored: without the bare number of one that names its courier,
    since another courier may use it too."""
    names = {ref, *aliases}
    return sorted(names - {name.rpartition("/")[2] for name in names if "/" in name})


def standings(
    supplier_id: int, asked: Sequence[Asked], today: date, *, alone: bool = False
) -> list[Standing]:
    """How a supplier's requests stand now, in order; `alone` outside the session's transaction."""
    bodies = [
        {**vars(each), "number": strict_form(each.number), "loose": loose_forms(each.number)}
        for each in asked
    ]
    values = {"supplier_id": supplier_id, "asked": json.dumps(bodies), "today": today}
    rows = _STANDINGS.alone(values) if alone else _STANDINGS.rows(db.session.connection(), values)
    return [
        Standing(None if row.id is None else line_row(row, today), bool(row.own), *row[1:5]) for row in rows
    ]
