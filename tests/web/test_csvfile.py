"""CSV files: nothing in them is run by a spreadsheet, and they are written while rows are read."""

from __future__ import annotations

import ast
import csv
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest

from tusker.csv.cells import safe_cell
from tusker.web.files.csvfile import csv_lines


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", *(f"{c}1" for c in "＝＋－＠")]
)
def test_formulas_become_text(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("value", "cell"), [("a=b", "a=b"), ("", ""), (None, ""), (-5, -5), (Decimal("-5.00"), Decimal("-5.00"))]
)
def test_the_rest_is_left_alone(value: object, cell: object) -> None:
    assert safe_cell(value) == cell


def test_lines_read_back_as_written() -> None:
    rows = [["=cmd()", 'quote " and, comma', date(2026, 3, 2)], ["two\nlines", None, 7]]
    text = "".join(csv_lines(["a", "b", "c"], rows))
    assert list(csv.reader(StringIO(text, newline=""))) == [
        ["a", "b", "c"],
        ["'=cmd()", 'quote " and, comma', "2026-03-02"],
        ["two\nlines", "", "7"],
    ]


def test_rows_are_not_gathered_first() -> None:
    read: list[int] = []

    def rows() -> object:
        for number in range(3):
            read.append(number)
            yield [number]

    lines = csv_lines(["n"], rows())  # type: ignore[arg-type]
    assert next(lines) == "n\r\n0\r\n"
    assert read == [0]


def test_no_rows_still_have_a_header() -> None:
    assert list(csv_lines(["a", "b"], [])) == ["a,b\r\n"]


def test_headers_are_neutralised_too() -> None:
    assert list(csv_lines(["=a", "b"], [])) == ["'=a,b\r\n"]


def test_no_other_module_writes_csv() -> None:
    root = Path(__file__).parents[2]
    files = [
        *root.glob("*.py"),
        *(f for d in ("tusker", "scripts", "bench") for f in (root / d).rglob("*.py")),
    ]
    writing = {
        str(file.relative_to(root))
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in {"csv.writer", "csv.DictWriter"})
        or (isinstance(node, ast.ImportFrom) and node.module == "csv")
    }
    # the second is for COPY: nobody opens it
    assert writing == {"tusker/csv/cells.py", "tusker/services/copying.py"}
