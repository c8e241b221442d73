"""`flask seed-demo`."""

from pathlib import Path

import click
from flask import current_app

from tusker import clock
from tusker.carriers.base import CarrierError
from tusker.cli import command_context, commands
from tusker.demo.courier import CourierDesk
from tusker.demo.first_orders import first_orders, pay_up
from tusker.demo.seeding import (
    customers_there,
    empty_tables,
    is_demo,
    login_lines,
    refuse_in_production,
    seed,
    write_logins,
)
from tusker.jobs.sealing import seal_all
from tusker.transactions import transaction


@commands.command("seed-demo")
@click.option(
    "--once",
    is_flag=True,
    help="Leave a demo that is there; what a newcomer tries is paid up and its orders are looked up anew.",
)
@click.option("--yes", is_flag=True, help="Do not ask before everything that is there is thrown away.")
@click.option(
    "--no-courier",
    is_flag=True,
    help="Leave the courier simulator alone; the demo's orders are then unknown to the delivery company.",
)
@click.option("--wait", default=10, show_default=True, help="Seconds to wait for the courier simulator.")
@click.option(
    "--logins",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that keeps the logins, in place of var/demo-logins.txt.",
)
def seed_demo_command(once: bool, yes: bool, no_courier: bool, wait: int, logins: Path | None) -> None:
    """Fill the database with a demo: customers, lines, people, and five months of invoices in all states.

    The demo's orders go to the courier simulator, which has to run. Refused with ENVIRONMENT=PRODUCTION.
    A database with customers in it is emptied first, once you agree.
    """
    refuse_in_production()
    there = customers_there()
    courier = None if no_courier else CourierDesk()
    if not (there and once):
        _fill(there, courier, yes=yes, wait=wait)
    elif not is_demo():
        return
    else:
        with transaction():
            pay_up(command_context(), current_app.config["HOLD_AFTER_DAYS"])
    lines = login_lines(_orders(courier) if courier else None)
    path = write_logins(lines, logins)
    if not once:
        click.echo("\n".join([*lines, f"Kept in {path}."]))


def _fill(there: int, courier: CourierDesk | None, *, yes: bool, wait: int) -> None:
    """Make the demo in place of the `there` customers, once the person agrees."""
    if there and not yes:
        click.confirm(f"Throw away everything there is ({there} customers) and seed anew?", abort=True)
    if courier is not None:
        courier.put_people(wait_seconds=wait)
    with transaction():
        if there:
            empty_tables()
        seed(clock.now(), courier)
    seal_all()  # its events are months old: unsealed they would count as left behind


def _orders(courier: CourierDesk) -> list[str] | None:
    """The orders that can be requested; None when the delivery company is no simulator or does not answer."""
    try:
        return first_orders(command_context(), courier)
    except CarrierError as error:
        click.echo(f"No orders to request: {error.message}", err=True)
        return None
