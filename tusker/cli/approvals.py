"""`flask proposals`, `approve`, `refuse`."""

import click

from tusker.cli import acting_as, acting_as_proven, change, commands, say_row, with_reason
from tusker.queries.proposals import proposals_page
from tusker.services.approvals.actions import TITLES
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.context import Context
from tusker.services.proposals import name_of


@commands.command("proposals")
def list_command() -> None:
    """List what waits for another admin, the newest first, tab-separated."""
    click.echo("id\twhat\tabout\tchanges\tproposed by\treason")
    for row in proposals_page():
        changes = "; ".join(
            f"{change['what'].replace('_', ' ')}: {change['from'] or '–'} → {change['to'] or '–'}"
            for change in row.changes
        )
        proposer = row.proposer and row.proposer.name
        say_row(row.id, TITLES[row.kind], name_of(row), changes, proposer, row.reason)


@change("approve")
@click.argument("proposal_id", type=int)
@acting_as_proven
def approve_command(proposal_id: int, ctx: Context) -> str:
    """Accept PROPOSAL_ID, which another admin made: it is done."""
    made = accept(ctx, proposal_id)
    return f"{TITLES[made.kind]}, {name_of(made)}: done."


@change("refuse")
@click.argument("proposal_id", type=int)
@with_reason
@acting_as
def refuse_command(proposal_id: int, reason: str, ctx: Context) -> str:
    """Refuse PROPOSAL_ID; who made it withdraws it."""
    made = refuse(ctx, proposal_id, reason=reason)
    return f"{TITLES[made.kind]}, {name_of(made)}: {made.state}."
