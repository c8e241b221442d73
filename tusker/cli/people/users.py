"""`flask create-user`, `deactivate-user`, `reset-second-factor`."""

import click

from tusker.cli import acting_as_or_operator, change, command_context, said, with_reason
from tusker.models import Role
from tusker.queries.lookup import company_called
from tusker.queries.people.users import user_id_of
from tusker.services.context import Context
from tusker.services.people.factors import reset_factors
from tusker.services.people.users import create_user, deactivate_user


@change("create-user")
@click.argument("address", metavar="EMAIL")
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
@acting_as_or_operator
def create_user_command(
    address: str, name: str, role: str, company: str | None, password: str, ctx: Context
) -> str:
    """Make a user who may sign in with EMAIL, admins included: whoever runs this machine needs no second admin.

    Where another admin has to accept one that --as makes, the user gets a link to choose a password instead.
    """
    customer_id = company_called(company, field="company").id if company else None
    made = create_user(ctx, email=address, name=name, role=role, customer_id=customer_id, password=password)
    return said(made, f"Created {role} {address}.")


@change("deactivate-user")
@click.argument("email")
@click.option("--reason", default="", help="Goes into the event.")
def deactivate_user_command(email: str, reason: str) -> str:
    """Shut the user with EMAIL out at once."""
    user = deactivate_user(command_context(), user_id_of(email), reason)
    return f"{user.email} is inactive."


@change("reset-second-factor")
@click.argument("email")
@with_reason
def reset_second_factor_command(email: str, reason: str) -> str:
    """Take all second factors from the user with EMAIL, who lost them: ask for a proof of who it is first."""
    reset_factors(command_context(), user_id_of(email), reason)
    return f"{email} signs in with the password alone until a new second factor is added."
