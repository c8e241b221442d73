"""The lists of credit lines: all of them for staff, and those of a company for its users."""

from tusker.messages import say
from tusker.models import Role
from tusker.queries.credit.credit_lines import LineRow
from tusker.web.filters import percent
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

_COLUMNS = (
    Column("supplier", say("Supplier"), Kind.NAME, sorts=True, not_for=Role.SUPPLIER),
    Column("purchaser", say("Purchaser"), Kind.NAME, sorts=True, not_for=Role.PURCHASER),
    Column("available", say("Available"), Kind.MONEY),
    Column("bound", say("Limited by"), Kind.NAME, in_files=False),
    Column("line_limit", say("Line limit"), in_files=False),
    Column(
        "limit", say("Limit"), Kind.MONEY, lambda row: row.limits.credit_line.limit, sorts=True, shown=False
    ),
    Column("used", say("Used"), Kind.MONEY, lambda row: row.limits.credit_line.used, sorts=True, shown=False),
)
_LAST = (
    Column("valid_from", say("Valid from"), Kind.DAY, shown=False),
    Column("valid_to", say("Valid to"), Kind.DAY, shown=False),
    Column("status", say("Status"), Kind.STATUS, lambda row: row.state),
    Column("id", say("Id"), Kind.NUMBER, sorts=True, shown=False),
)


def _terms(row: LineRow) -> str:
    return say(
        "{share} at {rate}, {n} days",
        share=percent(row.terms.advance_rate),
        rate=percent(row.terms.apr),
        n=row.terms.tenor_days,
    )


def _whole_terms(row: LineRow) -> str:
    terms = row.terms
    return say("{share} of the invoice for {n} days", share=percent(terms.advance_rate), n=terms.tenor_days)


LINES = ListOf(
    "lines",
    say("Credit lines"),
    "customers.lines",
    (*_COLUMNS, Column("terms", say("Terms"), Kind.NAME, _terms), *_LAST),
    order="-id",
    by_id="id",
)
MY_LINES = ListOf(
    "my_lines",
    say("Your credit lines"),
    "customers.my_lines",
    (
        *_COLUMNS[:3],
        Column("cost", say("Interest and fee"), in_files=False),
        Column("penalty", say("When overdue"), Kind.NAME, in_files=False, shown=False),
        Column("terms", say("Terms"), Kind.NAME, _whole_terms),
        *_COLUMNS[3:],
        *_LAST,
    ),
    order="-id",
    by_id="id",
)
