"""Reads a statement file by this installation's configuration; refuses statements of other people's accounts."""

from flask import current_app

from tusker.bankfiles.archives import unpacked
from tusker.bankfiles.formats import Profile, Reading, Source
from tusker.bankfiles.payments.pain002 import is_pain002, read_pain002
from tusker.bankfiles.statements import MAX_BYTES, read_statement_file
from tusker.currency import currency
from tusker.domain.accounts import same_number
from tusker.domain.bank.banking import OrderAnswer, Statement, StatementFile
from tusker.errors import UnreadableFile
from tusker.messages import say
from tusker.services.bank.profiles import known_profiles


def own_accounts() -> tuple[str, ...]:
    """The accounts whose statements are taken: the one that pays first; none in an installation without any."""
    config = current_app.config
    paying = (config["LENDER_IBAN"], config["LENDER_ACCOUNT_NUMBER"])
    return (*(number for number in paying if number), *config["STATEMENT_ACCOUNTS"])


def is_ours(statement: Statement) -> bool | None:
    """Whether a statement is of one of the lender's accounts; None when none is configured."""
    own = own_accounts()
    return any(same_number(statement.account, number) for number in own) if own else None


def read_answer(data: bytes) -> OrderAnswer | None:
    """The bank's answer to a payment order (pain.002), packed or not; None for any other file."""
    if len(data) > MAX_BYTES:
        return None
    data = unpacked(data, MAX_BYTES)
    if not is_pain002(Source.of(data)):
        return None
    return read_pain002(data, Reading(currency().code, currency().exponent))


def read_configured(data: bytes, file_name: str, *, by: Profile | None = None) -> StatementFile:
    """Read a file of statements in the installation's currency; raises `InvalidInput`, for a file with `file`.

    `by` is what a person is about to say of its columns, beside what is remembered. One statement of a foreign account
    refuses the file: whoever picked the wrong one wants none of it kept.
    """
    config = current_app.config
    own = own_accounts()
    if not own and config["ENVIRONMENT"] == "PRODUCTION":
        raise UnreadableFile("No account of ours is configured; name those to take in STATEMENT_ACCOUNTS.")
    reading = Reading(
        currency().code,
        currency().exponent,
        own=own,
        csv_columns=config["STATEMENT_CSV_COLUMNS"],
        csv_date_format=config["STATEMENT_DATE_FORMAT"],
        profiles=(*known_profiles(), *([by] if by else [])),
    )
    file = read_statement_file(data, file_name, reading)
    for statement in file.statements:
        _refuse_foreign(statement, file.format)
    return file


def _refuse_foreign(statement: Statement, format_: str) -> None:
    if is_ours(statement) is not False:
        return
    name = (
        say("Statement {reference}", reference=statement.reference)
        if statement.reference
        else say("The statement")
    )
    if not statement.account_named and format_ != "csv":
        raise UnreadableFile("{name} does not say whose account it is of; nothing was imported.", name=name)
    raise UnreadableFile(
        "{name} is of account {account}, which is none of ours; nothing was imported. If it is "
        "ours, add it to STATEMENT_ACCOUNTS.",
        name=name,
        account=statement.account,
    )


def account_notes(file: StatementFile) -> tuple[str, ...]:
    """What a person should know of whose account a file was taken for."""
    notes = []
    if not own_accounts():
        notes.append(say("No account of ours is configured, so whose statement this is was not checked."))
    elif unnamed := [statement.account for statement in file.statements if not statement.account_named]:
        notes.append(say("The file names no account; it was taken for {account}.", account=unnamed[0]))
    return tuple(notes)
