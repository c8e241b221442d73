"""Telling people when the books do not agree with their rows."""

from __future__ import annotations

from tusker.currency import currency
from tusker.queries.proof import Proof
from tusker.services.context import Context
from tusker.services.outbox import admin_addresses, queue_mail


def report_differences(ctx: Context, proof: Proof) -> int:
    """Mail the admins every difference of a proof; nothing when it holds. Returns how many there are."""
    lines = [
        f"{row.kind.replace('_', ' ')} {row.name}: counter {currency().show(row.used)},"
        f" rows {currency().show(row.open_principal)}"
        for row in proof.differences
    ]
    lines += [
        f"{row.check}: {row.subject}: stored {row.stored}, rows {row.recomputed} (minor units)"
        for row in proof.mismatches
    ]
    if lines:
        queue_mail(ctx, "proof_failed", admin_addresses(), day=f"{ctx.today:%d %b %Y}", lines=lines)
    return len(lines)
