"""`flask seed-demo`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker import clock
from tusker.cli import spoken_errors
from tusker.demo.courier import CourierDesk
from tusker.demo.seeding import (
    Seeded,
    customers_there,
    empty_tables,
    login_lines,
    refuse_in_production,
    seed,
    write_logins,
)
from tusker.jobs.sealing import seal_all
from tusker.transactions import transaction


@click.command("seed-demo")
@click.option("--once", is_flag=True, help="Do nothing when there are customers already.")
@click.option("--yes", is_flag=True, help="Do not ask before everything that is there is thrown away.")
@click.option(
    "--no-courier",
    is_flag=True,
    help="Leave the courier simulator alone; the demo's orders are then unknown to the delivery company.",
)
@click.option("--wait", default=10, show_default=True, help="Seconds to wait for the courier simulator.")
@with_appcontext
def seed_demo_command(once: bool, yes: bool, no_courier: bool, wait: int) -> None:
    """Fill the database with a demo: customers, lines, people, and five months of invoices in all states.

    The demo's orders go to the courier simulator, which has to run. Refused with ENVIRONMENT=PRODUCTION.
    A database with customers in it is emptied first, once you agree.
    """
    with spoken_errors():
        refuse_in_production()
        there = customers_there()
        if there and once:
            return
        if there and not yes:
            click.confirm(f"Throw away everything there is ({there} customers) and seed anew?", abort=True)
        courier = None
        if not no_courier:
            courier = CourierDesk()
            courier.put_people(wait_seconds=wait)
        with transaction():
            if there:
                empty_tables()
            seeded: Seeded = seed(clock.now(), courier)
        seal_all()  # its events are months old: unsealed they would count as left behind
        lines = login_lines(seeded)
        path = write_logins(lines)
    click.echo("\n".join([*lines, f"Kept in {path}."]))


def register(app: Flask) -> None:
    """Make the command known."""
    app.cli.add_command(seed_demo_command)
