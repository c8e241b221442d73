"""`flask create-user`, `flask deactivate-user`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import func, or_, select

from tusker.cli import command_context, spoken_errors
from tusker.errors import NotFound
from tusker.extensions import db
from tusker.models import Customer, Role, User
from tusker.services.users import create_user, deactivate_user
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
    """Make a user who may sign in with EMAIL."""
    with spoken_errors(), transaction():
        customer_id = _company_id(company) if company else None
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
        user_id = db.session.scalar(select(User.id).where(User.email == email.strip().lower()))
        if user_id is None:
            raise NotFound("No user has this address.", field="email")
        user = deactivate_user(command_context("deactivate-user"), user_id, reason)
        click.echo(f"{user.email} is inactive.")


def _company_id(company: str) -> int:
    found = db.session.scalars(
        select(Customer.id).where(
            or_(func.lower(Customer.name) == company.strip().lower(), Customer.reference == company.strip())
        )
    ).all()
    if len(found) != 1:
        raise NotFound(f"No company has the name or reference “{company}”.", field="company")
    return found[0]


def register(app: Flask) -> None:
    """Make the commands known."""
    app.cli.add_command(create_user_command)
    app.cli.add_command(deactivate_user_command)
