"""A statement's bytes read the way this installation is configured."""

from __future__ import annotations

from flask import current_app

from tusker.bankfiles.statements import read_statement_file
from tusker.currency import currency
from tusker.domain.banking import StatementFile


def read_configured(data: bytes, file_name: str) -> StatementFile:
    """Read a file of statements in the installation's currency; raises `BankFileError`, for a file with `file`."""
    config = current_app.config
    return read_statement_file(
        data,
        file_name,
        currency=currency().code,
        exponent=currency().exponent,
        csv_columns=config["STATEMENT_CSV_COLUMNS"],
        csv_date_format=config["STATEMENT_DATE_FORMAT"],
        account=config["LENDER_IBAN"] or config["LENDER_ACCOUNT_NUMBER"],
    )
