"""Which shipments are due, and who asks about them: claimed with `SKIP LOCKED`, so that no two workers do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text

from tusker.carriers.base import Carrier
from tusker.domain.couriers.health import LONGEST_SKEW
from tusker.domain.credit.lifecycle import RESERVING
from tusker.domain.delivery.shipments import longest_wait
from tusker.extensions import db
from tusker.models import Invoice, Shipment
from tusker.services.context import Context
from tusker.services.couriers.gate import grant_questions, pause_before_a_grant, spend
from tusker.services.locks import lock_rows

LEASE = timedelta(seconds=60)
"""How long a claim keeps other workers away; a worker that died leaves its shipments due again after it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A shipment that this worker now asks the delivery company about."""

    shipment_id: int
    order_ref: str


@dataclass(frozen=True, slots=True)
class Round:
    """Claims by question. Without any, `pause` says when the rate limit allows one; None: nothing is to be asked."""

    batches: Sequence[Sequence[Claim]]
    pause: timedelta | None = None


# As an array the ids are chosen once: as `IN` the planner may choose anew for each row, and so claim more than :size.
_CLAIM = text(
    """
    UPDATE shipments SET next_poll_at = :until WHERE id = ANY(ARRAY(
        SELECT id FROM shipments WHERE carrier = :carrier AND next_poll_at <= :now
        ORDER BY next_poll_at LIMIT :size FOR UPDATE SKIP LOCKED
    )) RETURNING id, order_ref
    """
)


_DISTRUST = text(
    """
    UPDATE shipments SET next_poll_at = :now WHERE id = ANY(ARRAY(
        SELECT id FROM shipments WHERE carrier = :carrier AND next_poll_at > :latest LIMIT 10000 FOR UPDATE SKIP LOCKED
    )) RETURNING id
    """
)


def claim_round(ctx: Context, carrier: Carrier, questions: int) -> Round:
    """Take due shipments for up to `questions` questions, as many as breaker and rate limit allow now.

    Who claims from the same carrier at the same moment waits for its row, so that both hold over all workers.
    """
    granted = grant_questions(ctx, carrier, questions)
    if granted == 0:
        return Round([], pause_before_a_grant(ctx, carrier))
    batches = _by_question(carrier, claim_due_shipments(ctx, carrier.name, granted * carrier.batch_size))
    # What takes more questions than were granted is due again at once.
    release_claims(ctx, [claim for batch in batches[granted:] for claim in batch])
    spend(ctx, carrier, len(batches[:granted]))
    return Round(batches[:granted])


def _by_question(carrier: Carrier, claims: Sequence[Claim]) -> list[Sequence[Claim]]:
    """Claims as they are asked about: in batches, and alone where the adapter has to."""
    alone = [claim for claim in claims if carrier.asks_alone(claim.order_ref)]
    together = [claim for claim in claims if not carrier.asks_alone(claim.order_ref)]
    size = carrier.batch_size
    # These first: behind full batches they might never come to be asked for.
    batches: list[Sequence[Claim]] = [[claim] for claim in alone]
    return batches + [together[start : start + size] for start in range(0, len(together), size)]


def claim_due_shipments(ctx: Context, carrier: str, size: int) -> list[Claim]:
    """Take up to `size` due shipments of a carrier, so that no other worker asks for them within `LEASE`."""
    rows = db.session.execute(
        _CLAIM, {"until": ctx.now + LEASE, "now": ctx.now, "carrier": carrier, "size": size}
    )
    return [Claim(row.id, row.order_ref) for row in rows]


def distrust(ctx: Context, carrier: str, minimum_interval: timedelta) -> int:
    """Have shipments asked for now that are due later than any rule sets: a clock was ahead; returns how many."""
    latest = ctx.now + max(longest_wait(minimum_interval), LEASE) + LONGEST_SKEW
    found = db.session.execute(_DISTRUST, {"carrier": carrier, "now": ctx.now, "latest": latest})
    return len(found.all())


def count_due(ctx: Context, carrier: str, *, most: int) -> int:
    """How many shipments of a carrier are due, counted up to `most`."""
    due = select(Shipment.id).where(Shipment.carrier == carrier, Shipment.next_poll_at <= ctx.now).limit(most)
    return db.session.scalars(select(func.count()).select_from(due.subquery())).one()


def release_claims(ctx: Context, claims: Iterable[Claim]) -> None:
    """Give claimed shipments back that nobody was asked about after all: they are due at once."""
    if ids := [claim.shipment_id for claim in claims]:
        db.session.execute(
            text(
                "UPDATE shipments SET next_poll_at = :now WHERE id = ANY(:ids) AND next_poll_at IS NOT NULL"
            ),
            {"now": ctx.now, "ids": ids},
        )


def poll_soon(ctx: Context, shipment_ids: Sequence[int]) -> None:
    """Have shipments asked for in the next round, unless their invoices do not stand any more."""
    standing = select(Invoice.id).where(Invoice.status.in_(RESERVING))
    for shipment in lock_rows(Shipment, Shipment.id.in_(shipment_ids), Shipment.invoice_id.in_(standing)):
        shipment.next_poll_at = ctx.now
