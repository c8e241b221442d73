"""Files as banks' portals give them, made up with one list of movements: each reads without any setting."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.support.bank_tables import OURS
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file

EXPORTS = sorted((Path(__file__).parents[1] / "fixtures" / "bank_exports").iterdir())
MOVED = [
    (12_500_050, date(2026, 3, 2)),
    (-3_500_000, date(2026, 3, 2)),
    (25_000_000, date(2026, 3, 4)),
    (40_000, date(2026, 3, 13)),
    (9_990, date(2026, 3, 13)),
    (-1_770, date(2026, 3, 31)),
]


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_an_export_reads_without_settings(path: Path) -> None:
    read = read_statement_file(path.read_bytes(), "download.bin", Reading("INR", 2, (OURS,)))
    [statement] = read.statements
    in_order = sorted(statement.entries, key=lambda entry: (entry.booked_on, entry.remittance[:3] == "UPI"))
    assert [(entry.signed, entry.booked_on) for entry in in_order] in (
        MOVED,
        [MOVED[1], MOVED[0], *MOVED[2:]],
    )
    assert (statement.account, statement.skipped, statement.doubt) == (OURS, (), "")
    assert statement.account_named is (path.name != "hdfc_delimited.txt")
    assert (statement.opening_balance, statement.closing_balance) == (100_000_000, 134_048_270)
    payers = {entry.counterparty for entry in statement.entries} - {""}
    assert payers == {"ACME RETAIL PVT LTD", "BOLT AND CO", "SMALL SHOP", "CORNER STORE"}
    references = {entry.bank_reference for entry in statement.entries}
    assert {"EXAMR52026030412345678", "612345678901", "612345678902"} <= references
