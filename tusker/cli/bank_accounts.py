"""`flask set-bank-account`, `approve-bank-account`, `refuse-bank-account`, `list-bank-accounts`."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from tusker.cli import acting_as, admin_context, proven_admin, spoken_errors, with_password
from tusker.domain.accounts import HOLDER_MAX, AccountNumber, parse_account
from tusker.queries.lookup import company_called
from tusker.queries.payout.bank_accounts import accounts_of, proposal_of
from tusker.services.payout.bank_accounts import approve_account, propose_account, refuse_account
from tusker.transactions import transaction


@click.command("set-bank-account")
@click.argument("customer")
@click.option("--iban")
@click.option("--account-number", help="Goes with --ifsc or --bic.")
@click.option("--ifsc")
@click.option("--bic")
@click.option("--holder", help="The account's owner; the supplier's name unless given.")
@acting_as
@with_appcontext
def set_command(
    customer: str,
    iban: str | None,
    account_number: str | None,
    ifsc: str | None,
    bic: str | None,
    holder: str | None,
    email: str,
) -> None:
    """Propose where the supplier CUSTOMER (name or reference) is paid to; another admin approves it."""
    with spoken_errors(), transaction():
        supplier = company_called(customer, field="customer")
        account = parse_account(
            holder or supplier.name[:HOLDER_MAX],
            iban=iban,
            account_number=account_number,
            ifsc=ifsc,
            bic=bic,
        )
        propose_account(admin_context("set-bank-account", email), supplier.id, account)
        words = f"Proposed for {supplier.name}: {_words_of(account)}. It awaits its approval."
    click.echo(words)


@click.command("approve-bank-account")
@click.argument("customer")
@acting_as
@with_password
@with_appcontext
def approve_command(customer: str, password: str, email: str) -> None:
    """Have the supplier CUSTOMER (name or reference) paid to the account that was proposed."""
    with spoken_errors(), transaction():
        supplier = company_called(customer, field="customer")
        approved = approve_account(
            proven_admin("approve-bank-account", email, password),
            proposal_of(supplier.id).id,
            second_admin=current_app.config["REQUIRE_SECOND_ADMIN"],
        )
        words = f"{supplier.name} is paid to {_words_of(approved.account)} from now on."
    click.echo(words)


@click.command("refuse-bank-account")
@click.argument("customer")
@click.option("--reason", required=True, help="The supplier reads it in a mail.")
@acting_as
@with_appcontext
def refuse_command(customer: str, reason: str, email: str) -> None:
    """Give up the account that was proposed for the supplier CUSTOMER (name or reference)."""
    with spoken_errors(), transaction():
        supplier = company_called(customer, field="customer")
        ctx = admin_context("refuse-bank-account", email)
        refused = refuse_account(ctx, proposal_of(supplier.id).id, reason=reason)
        words = f"{supplier.name} is not paid to {_words_of(refused.account)}."
    click.echo(words)


@click.command("list-bank-accounts")
@click.argument("customer")
@with_appcontext
def list_command(customer: str) -> None:
    """List the accounts of the supplier CUSTOMER (name or reference), the newest first, tab-separated."""
    with spoken_errors():
        rows = accounts_of(company_called(customer, field="customer").id)
    click.echo("id\tstate\tholder\taccount\tproposed by\tdecided by")
    for row in rows:
        number = " ".join(part for part in (row.account.number, row.account.routing) if part)
        cells = (row.id, row.state, row.account.holder, number, row.proposer or "–", row.decider or "–")
        click.echo("\t".join(str(cell) for cell in cells))


def _words_of(account: AccountNumber) -> str:
    routing = f" at {account.routing}" if account.routing else ""
    return f"{account.spaced()}{routing} of {account.holder}"


def register(app: Flask) -> None:
    """Make the commands known."""
    for command in (set_command, approve_command, refuse_command, list_command):
        app.cli.add_command(command)
