"""Control from the shell: prove the books and the record, seal events, set the app's database role up."""

import json
import os
import re
from dataclasses import asdict

import click
from flask import current_app

from tusker.cli import change, command_context, commands
from tusker.currency import currency
from tusker.domain.record.chain import Head
from tusker.jobs.positions import keep_positions
from tusker.jobs.sealing import seal_all, seal_and_check
from tusker.jobs.servicing import row_by_row
from tusker.queries.record.chain import ChainReport
from tusker.queries.record.proof import Mismatch, Proof, prove
from tusker.services.loans.book.positions import drop_positions
from tusker.services.record.app_role import create_app_role, grant_app_role
from tusker.services.record.proving import keep_proof, record_problems
from tusker.transactions import transaction


class NotedHead(click.ParamType[Head]):
    """A head of the chain as `prove` shows it: SEQ:HASH."""

    name = "seq:hash"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """Read the head; the message names the option."""
        if isinstance(value, Head):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-fA-F]{64})", str(value))
        if found is None:
            self.fail(f"{value!r} is not a number, a colon and 64 hexadecimal digits", param, ctx)
        return Head(int(found[1]), bytes.fromhex(found[2]))


@commands.command("prove")
@click.option("--json", "as_json", is_flag=True, help="One JSON object; money in minor units.")
@click.option(
    "--expect-head", type=NotedHead(), help="A head noted earlier, which must still be in the chain."
)
@click.option("--full", is_flag=True, help="Walk the chain from its beginning, and compute every loan.")
def prove_command(as_json: bool, expect_head: Head | None, full: bool) -> None:
    """Prove every exposure and balance against the rows that make it up, and that no event was changed or removed.

    The page *Proof* shows what the last one found. Seals what is not sealed yet, checks the chain from the last proof
    on and shows its head; exit code 1 when anything is wrong. With --full, and a week after it was done last, the chain
    is walked from its beginning, and kept sums and numbers are compared with every loan and invoice instead of a
    seventh. Note the head outside the database: --expect-head tells later whether the chain's end was cut off or
    rewritten.
    """
    ctx = command_context()
    chain = seal_and_check(expect_head, whole=full)
    problems = record_problems(ctx, chain)
    with transaction():
        proof = prove(row_by_row(ctx.today, whole=chain.walked_at is None))
        keep_proof(ctx, proof, chain)
    if as_json:
        found = {
            "at": ctx.now.isoformat(),
            "holds": proof.holds and not problems,
            "limits": len(proof.accounts),
            "differences": [{**asdict(row), "difference": row.difference} for row in proof.differences],
            "mismatches": [asdict(row) for row in proof.mismatches],
            "chain": _chain_as_dict(chain),
            "problems": problems,
        }
        click.echo(json.dumps(found))
    else:
        _say_figures(proof)
        for problem in problems:
            click.echo(problem)
        click.echo(f"Events: {chain.sealed} sealed{_unchanged(chain)}; head {chain.head}")
    if not proof.holds or problems:
        raise click.exceptions.Exit(1)


@commands.command("seal")
def seal_command() -> None:
    """Seal every committed event that has no seal yet, here and now; the scheduler does it each minute."""
    sealed = seal_all()
    click.echo(f"{sealed} event{'' if sealed == 1 else 's'} sealed.")


@commands.command("rebuild-positions")
def rebuild_positions_command() -> None:
    """Forget the kept sums of what is owed and build those of today and tomorrow anew, here and now.

    Pages show right figures meanwhile: they compute every loan until the sums are there.
    """
    with transaction():
        drop_positions(command_context(), current_app.config["CLASSIFICATION"].shares)
    batches = done = keep_positions()
    while done:
        done = keep_positions()
        batches += done
    click.echo(f"Positions are built anew, in {batches} batches.")


@change("grant-app-role")
@click.argument("role")
@click.option(
    "--create", is_flag=True, help="Make the role where it is missing; its password is POSTGRES_APP_PASSWORD."
)
def grant_command(role: str, create: bool) -> str:
    """Give the database role ROLE what web, worker and scheduler need, and not the right to change events.

    Run it with the DATABASE_URL of the tables' owner, after `flask db upgrade`; running it again does no harm.
    """
    if create:
        create_app_role(role, os.environ.get("POSTGRES_APP_PASSWORD", ""))
    grant_app_role(role)
    return f"{role} may do the app's work and cannot change ledgers."


def _say_figures(proof: Proof) -> None:
    if proof.holds:
        click.echo(f"All figures agree: {len(proof.accounts)} limits.")
    for row in proof.differences:
        used, is_open = currency().plain(row.used), currency().plain(row.open_principal)
        off = currency().major(row.difference)
        click.echo(f"{row.kind} {row.id} {row.name}: exposure {used}, open principal {is_open}, off by {off}")
    for wrong in proof.mismatches:
        stored, rows = _figures(wrong)
        click.echo(f"{wrong.check}, {wrong.subject}: stored {stored}, rows {rows}")


def _unchanged(chain: ChainReport) -> str:
    if chain.broken or chain.lost_head or chain.forged:
        return ""
    if chain.walked_at is None:
        return ", none changed or removed"
    return (
        f", none of the newest {chain.checked} changed or removed, all walked on {chain.walked_at:%d %b %Y}"
    )


def _figures(wrong: Mismatch) -> tuple[str, str]:
    if wrong.is_amount:
        return currency().plain(wrong.stored), currency().plain(wrong.recomputed)
    return "yes" if wrong.stored else "no", "yes" if wrong.recomputed else "no"


def _chain_as_dict(chain: ChainReport) -> dict[str, object]:
    return {
        "sealed": chain.sealed,
        "checked": chain.checked,
        "head": str(chain.head),
        "waited": chain.waiting.count,
        "waited_since": chain.waiting.since.isoformat() if chain.waiting.since else None,
        "broken": asdict(chain.broken) if chain.broken else None,
        "walked_at": chain.walked_at.isoformat() if chain.walked_at else None,
    }
