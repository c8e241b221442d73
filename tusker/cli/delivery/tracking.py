"""`flask poll`."""

import click

from tusker.carriers.registry import get_carriers
from tusker.cli import commands
from tusker.jobs.polling import poll_carrier


@commands.command("poll")
def poll_command() -> None:
    """Ask every delivery company about the shipments that are due, once, here and now."""
    for name in get_carriers():
        asked = poll_carrier(name)
        click.echo(f"{name}: asked for {asked} shipment{'' if asked == 1 else 's'}.")
