"""`flask create-user`, `deactivate-user`, `activate-user`, `refuse-user`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker.cli import admin_context, command_context, proven_admin, spoken_errors
from tusker.models import Role
from tusker.queries.lookup import company_called
from tusker.queries.people.users import user_id_of
from tusker.services.people.activation import activate_user, refuse_user
from tusker.services.people.users import create_user, deactivate_user
from tusker.transactions import transaction


@click.command("create-user")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", type=click.Choice([str(role) for role in Role]), required=True)
@click.option("--company", help="Name or reference of the company of a supplier or purchaser user.")
@click.option(
    "--password",
    envvar="PASSWORD",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="At least 12 characters; asked for when neither this nor the variable PASSWORD is given.",
)
@with_appcontext
def create_user_command(email: str, name: str, role: str, company: str | None, password: str) -> None:
    """Make a user who may sign in with EMAIL, admins included: whoever runs this machine needs no second admin."""
    with spoken_errors(), transaction():
        customer_id = company_called(company, field="company").id if company else None
        user = create_user(
            command_context("create-user"),
            email=email,
            name=name,
            role=role,
            customer_id=customer_id,
            password=password,
        )
        click.echo(f"Created {user.role} {user.email}.")


@click.command("deactivate-user")
@click.argument("email")
@click.option("--reason", default="", help="Goes into the event.")
@with_appcontext
def deactivate_user_command(email: str, reason: str) -> None:
    """Shut the user with EMAIL out at once."""
    with spoken_errors(), transaction():
        user = deactivate_user(command_context("deactivate-user"), user_id_of(email), reason)
        click.echo(f"{user.email} is inactive.")


@click.command("activate-user")
@click.argument("email")
@click.option(
    "--as", "admin", metavar="EMAIL", help="The admin who does this: another than who asked for it."
)
@click.option("--password", help="The admin's; asked for unless given.")
@with_appcontext
def activate_user_command(email: str, admin: str | None, password: str | None) -> None:
    """Let the admin with EMAIL, who waits for it, work from now on.

    Without --as whoever runs this machine does it, who may also make admins with create-user.
    """
    if admin and password is None:
        password = click.prompt("Password", hide_input=True)
    with spoken_errors(), transaction():
        name = "activate-user"
        ctx = proven_admin(name, admin, password or "") if admin else command_context(name)
        user = activate_user(ctx, user_id_of(email))
        click.echo(f"{user.email} works as an admin now.")


@click.command("refuse-user")
@click.argument("email")
@click.option("--reason", required=True, help="Stands in the list of users.")
@click.option("--as", "admin", required=True, metavar="EMAIL", help="The admin who does this.")
@with_appcontext
def refuse_user_command(email: str, reason: str, admin: str) -> None:
    """Leave the admin with EMAIL, who waits for activation, inactive."""
    with spoken_errors(), transaction():
        user = refuse_user(admin_context("refuse-user", admin), user_id_of(email), reason=reason)
        click.echo(f"{user.email} stays inactive.")


def register(app: Flask) -> None:
    """Make the commands known."""
    for command in (
        create_user_command,
        deactivate_user_command,
        activate_user_command,
        refuse_user_command,
    ):
        app.cli.add_command(command)
