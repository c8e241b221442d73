"""`flask set-bank-account`, `list-bank-accounts`."""

import click

from tusker.cli import acting_as, change, commands, said, say_row
from tusker.domain.accounts import HOLDER_MAX, AccountNumber, parse_account
from tusker.queries.lookup import company_called
from tusker.queries.payout.bank_accounts import accounts_of
from tusker.services.context import Context
from tusker.services.payout.bank_accounts import set_account


@change("set-bank-account")
@click.argument("customer")
@click.option("--iban")
@click.option("--account-number", help="Goes with --ifsc or --bic.")
@click.option("--ifsc")
@click.option("--bic")
@click.option("--holder", help="The account's owner; the supplier's name unless given.")
@acting_as
def set_command(
    customer: str,
    iban: str | None,
    account_number: str | None,
    ifsc: str | None,
    bic: str | None,
    holder: str | None,
    ctx: Context,
) -> str:
    """Set where the supplier CUSTOMER (name or reference) is paid to; another admin accepts it where two are needed."""
    supplier = company_called(customer, field="customer")
    account = parse_account(
        holder or supplier.name[:HOLDER_MAX], iban=iban, account_number=account_number, ifsc=ifsc, bic=bic
    )
    made = set_account(ctx, supplier.id, account)
    return said(made, f"{supplier.name} is paid to {_words_of(account)} from now on.")


@commands.command("list-bank-accounts")
@click.argument("customer")
def list_command(customer: str) -> None:
    """List the accounts of the supplier CUSTOMER (name or reference), the newest first, tab-separated."""
    rows = accounts_of(company_called(customer, field="customer").id)
    click.echo("id\tstate\tholder\taccount\tproposed by\tdecided by")
    for row in rows:
        number = " ".join(part for part in (row.account.number, row.account.routing) if part)
        say_row(row.id, row.state, row.account.holder, number, row.proposer, row.decider)


def _words_of(account: AccountNumber) -> str:
    routing = f" at {account.routing}" if account.routing else ""
    return f"{account.spaced()}{routing} of {account.holder}"
