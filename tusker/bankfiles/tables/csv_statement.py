"""Bank statements as CSV, by whichever separator and in whichever encoding the bank writes."""

from __future__ import annotations

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.tables.statement import read_tables
from tusker.csv.tables import bank_grids
from tusker.domain.bank.banking import StatementFile


def read_csv_statement(data: bytes, reading: Reading) -> StatementFile:
    """Read a CSV statement; see `read_tables`."""
    return read_tables(bank_grids(data), reading, "csv")
