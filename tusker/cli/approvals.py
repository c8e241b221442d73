"""`flask proposals`, `approve`, `refuse`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker.cli import acting_as, admin_context, proven_admin, spoken_errors, with_password
from tusker.queries.proposals import proposals_page
from tusker.services.approvals.actions import TITLES
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.proposals import name_of
from tusker.transactions import transaction


@click.command("proposals")
@with_appcontext
def list_command() -> None:
    """List what waits for another admin, the newest first, tab-separated."""
    click.echo("id\twhat\tabout\tchanges\tproposed by\treason")
    for row in proposals_page():
        changes = "; ".join(
            f"{change['what'].replace('_', ' ')}: {change['from'] or '–'} → {change['to'] or '–'}"
            for change in row.changes
        )
        proposer = row.proposer.name if row.proposer else "–"
        cells = (row.id, TITLES[row.kind], name_of(row), changes, proposer, row.reason or "–")
        click.echo("\t".join(str(cell) for cell in cells))


@click.command("approve")
@click.argument("proposal_id", type=int)
@acting_as
@with_password
@with_appcontext
def approve_command(proposal_id: int, password: str, email: str) -> None:
    """Accept PROPOSAL_ID, which another admin made: it is done."""
    with spoken_errors(), transaction():
        made = accept(proven_admin("approve", email, password), proposal_id)
        words = f"{TITLES[made.kind]}, {name_of(made)}: done."
    click.echo(words)


@click.command("refuse")
@click.argument("proposal_id", type=int)
@click.option("--reason", required=True, help="Goes into the events.")
@acting_as
@with_appcontext
def refuse_command(proposal_id: int, reason: str, email: str) -> None:
    """Refuse PROPOSAL_ID; who made it withdraws it."""
    with spoken_errors(), transaction():
        made = refuse(admin_context("refuse", email), proposal_id, reason=reason)
        words = f"{TITLES[made.kind]}, {name_of(made)}: {made.state}."
    click.echo(words)


def register(app: Flask) -> None:
    """Make the commands known."""
    for command in (list_command, approve_command, refuse_command):
        app.cli.add_command(command)
