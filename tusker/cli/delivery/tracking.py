"""`flask poll`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker.carriers.registry import get_carriers
from tusker.cli import spoken_errors
from tusker.jobs.polling import poll_carrier


@click.command("poll")
@with_appcontext
def poll_command() -> None:
    """Ask every delivery company about the shipments that are due, once, here and now."""
    with spoken_errors():
        for name in get_carriers():
            asked = poll_carrier(name)
            click.echo(f"{name}: asked for {asked} shipment{'' if asked == 1 else 's'}.")


def register(app: Flask) -> None:
    """Make the command known."""
    app.cli.add_command(poll_command)
