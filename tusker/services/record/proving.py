"""Telling people when the books do not agree with their rows, or the record was tampered with."""

from flask import current_app

from tusker.currency import currency
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import ProofRun
from tusker.queries.record.chain import ChainReport
from tusker.queries.record.proof import Mismatch, Proof
from tusker.queries.record.proof_runs import found_by
from tusker.queries.record.rights import ledger_rights
from tusker.services.context import Context
from tusker.services.outbox import admin_addresses, queue_mail


def record_problems(ctx: Context, chain: ChainReport) -> list[str]:
    """What is wrong with the chain of events and, in production, with the rights of the role at hand."""
    found: list[str] = chain.problems(ctx.now)
    if current_app.config["ENVIRONMENT"] == "PRODUCTION":
        problems = dict.fromkeys(rights.problem for rights in ledger_rights() if rights.problem)
        found += [joined([problem, say("see `flask grant-app-role`")], ": ") for problem in problems]
    return found


def keep_proof(ctx: Context, proof: Proof, chain: ChainReport) -> None:
    """Keep what a proof found for the page *Proof*."""
    found = found_by(proof, chain, record_problems(ctx, chain))
    db.session.add(ProofRun(at=ctx.now, actor=ctx.actor[:120], found=found.as_kept()))


def report_differences(ctx: Context, proof: Proof, chain: ChainReport) -> int:
    """Mail the admins every difference of a proof and every problem of the record; nothing when all holds.

    Returns how many there are.
    """
    lines: list[str] = [
        say(
            "Exposure of {name}: kept as {used}, by its invoices {open}",
            name=row.name,
            used=currency().show(row.used),
            open=currency().show(row.open_principal),
        )
        for row in proof.differences
    ]
    lines += [
        say(
            "{check}: {subject}: stored {stored}, rows {recomputed}",
            check=row.check,
            subject=row.subject,
            stored=_figure(row, row.stored),
            recomputed=_figure(row, row.recomputed),
        )
        for row in proof.mismatches
    ]
    lines += record_problems(ctx, chain)
    if lines:
        queue_mail(
            ctx, "record/proof_failed", admin_addresses(), day=ctx.today, lines=lines, head=str(chain.head)
        )
    return len(lines)


def _figure(row: Mismatch, figure: int) -> str:
    if row.is_amount:
        return currency().show(figure)
    return say("yes") if figure else say("no")
