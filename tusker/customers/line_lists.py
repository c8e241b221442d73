"""The lists of credit lines: all of them for staff, and those of a company for its users."""

from __future__ import annotations

from tusker.models import Role
from tusker.queries.credit.credit_lines import LineRow
from tusker.web.filters import percent
from tusker.web.lists import Column, Kind, ListOf

_COLUMNS = (
    Column("supplier", "Supplier", Kind.NAME, sorts=True, not_for=Role.SUPPLIER),
    Column("purchaser", "Purchaser", Kind.NAME, sorts=True, not_for=Role.PURCHASER),
    Column("available", "Available", Kind.MONEY),
    Column("bound", "Limited by", Kind.NAME, in_files=False),
    Column("line_limit", "Line limit", in_files=False),
    Column("limit", "Limit", Kind.MONEY, lambda row: row.limits.credit_line.limit, sorts=True, shown=False),
    Column("used", "Used", Kind.MONEY, lambda row: row.limits.credit_line.used, sorts=True, shown=False),
)
_LAST = (
    Column("valid_from", "Valid from", Kind.DAY, shown=False),
    Column("valid_to", "Valid to", Kind.DAY, shown=False),
    Column("status", "Status", Kind.STATUS, lambda row: row.state),
    Column("id", "Id", Kind.NUMBER, sorts=True, shown=False),
)


def _terms(row: LineRow) -> str:
    return f"{percent(row.terms.advance_rate)} at {percent(row.terms.apr)}, {row.terms.tenor_days} days"


def _whole_terms(row: LineRow) -> str:
    terms = row.terms
    return f"{percent(terms.advance_rate)} of the invoice for {terms.tenor_days} days"


LINES = ListOf(
    "lines",
    "Credit lines",
    "customers.lines",
    "customers.lines_file",
    (*_COLUMNS, Column("terms", "Terms", Kind.NAME, _terms), *_LAST),
    order="-id",
    by_id="id",
)
MY_LINES = ListOf(
    "my_lines",
    "Your credit lines",
    "customers.my_lines",
    "customers.my_lines_file",
    (
        *_COLUMNS[:3],
        Column("cost", "Interest and fee", in_files=False),
        Column("penalty", "When overdue", in_files=False),
        Column("terms", "Terms", value=_whole_terms),
        *_COLUMNS[3:],
        *_LAST,
    ),
    order="-id",
    by_id="id",
    wide=True,
)
