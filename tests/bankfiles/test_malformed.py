"""Files that are no statement, by mistake or by malice: each is refused with a message, and nothing hangs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.malformed import MALFORMED
from tests.support.movements import WRITERS, Movement
from tests.support.payment_orders import ISO20022
from tests.support.profiles import examples
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import StatementFile
from tusker.errors import InvalidInput


def _read(data: bytes) -> StatementFile:
    return read_statement_file(data, "bank.xml", Reading("EUR", 2))


@pytest.mark.parametrize(("data", "words"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_files_are_refused_with_a_message(data: bytes, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _read(data)
    assert words in refused.value.message
    assert refused.value.field == "file"
    assert refused.value.message.endswith((".", "…"))
    assert len(refused.value.message) < 600


def test_a_flood_of_elements_is_refused_before_memory_is_gone() -> None:
    """In a process of its own, whose memory is measured; it may use no more than 1 GB."""
    script = (
        "from tusker.bankfiles.statements import read_statement_file as read, MAX_BYTES\n"
        "from tusker.bankfiles.formats import Reading\n"
        "from tusker.errors import InvalidInput\n"
        "try: read(b'<r>' + b'<a/>' * (MAX_BYTES // 4 - 2), 'f', Reading('EUR', 2))\n"
        "except InvalidInput as e: print(e.message)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))

    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.returncode) == (
        "The XML has more than 1,000,000 elements; ask the bank for smaller files.\n",
        0,
    ), run.stderr


MOVEMENTS = [Movement(5_00, date(2026, 3, 2), date(2026, 3, 3), "R-1", "E-1", "Acme", "501000", "INV 1001")]
SAMPLES = (
    [write(MOVEMENTS) for write in WRITERS.values()]
    + [file.read_bytes() for file in sorted(ISO20022.glob("*.xml"))]
    + [file.read_bytes() for file in sorted((ISO20022.parent / "bank_exports").glob("*.csv"))]
    + [
        b'Date,Narration,Debit,Credit,Balance\n02/03/2026,a,5.00,,95.00\n03/03/2026,b,,"1,000.00","1,095.00"\n',
        "Buchungstag;Betrag;Text\n02.03.2026;1.250,50;Müller\n".encode("cp1252"),
    ]
)


def _flip(data: bytes, draw: Callable[[st.SearchStrategy[int]], int]) -> bytes:
    place = draw(st.integers(0, len(data) - 1))
    return data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A sample with bytes changed, cut out or doubled."""
    data = draw(st.sampled_from(SAMPLES))
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["flip", "flip", "cut", "double", "end"]))
        start = draw(st.integers(0, max(len(data) - 1, 0)))
        stop = draw(st.integers(start, min(len(data), start + 200)))
        if kind == "flip" and data:
            data = _flip(data, draw)
        elif kind == "cut":
            data = data[:start] + data[stop:]
        elif kind == "double":
            data = data[:stop] + data[start:]
        elif kind == "end":
            data = data[:start]
    return data


@settings(max_examples=examples(300))
@given(data=mutations() | st.binary(max_size=300))
@example(data=b"<")
@example(data=b"\xff\xfe")
@example(data=b"Date,Amount")
def test_any_file_is_read_or_refused(data: bytes) -> None:
    begun = time.process_time()
    try:
        read = _read(data)
    except InvalidInput:
        return
    finally:
        assert time.process_time() - begun < 2, "so much work for so small a file"
    for statement in read.statements:
        assert all(entry.amount > 0 and len(entry.fingerprint) == 64 for entry in statement.entries)
        assert len({entry.fingerprint for entry in statement.entries}) == len(statement.entries)
