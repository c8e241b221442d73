"""A company's statement as rows of a file."""

from collections.abc import Iterator

from tusker.currency import Currency
from tusker.queries.loans.account_statements.statement import Statement

HEADER = ("date", "what", "invoice", "reference", "amount", "balance", "currency", "platform_loan_id")
"""The columns of `statement_rows`."""


def statement_rows(made: Statement, money: Currency) -> Iterator[list[object]]:
    """The statement for a CSV file: date, what, invoice, reference, amount, balance, currency, the platform's
    loan id, in major units."""
    yield [made.before, "opening", "", "", None, money.major(made.opening), money.code, ""]
    for line, balance in made.running():
        amount, after = money.major(line.amount), money.major(balance)
        platform = line.platform_reference or ""
        yield [line.day, str(line.kind), line.number, line.reference, amount, after, money.code, platform]
    yield [made.last, "closing", "", "", None, money.major(made.closing), money.code, ""]
