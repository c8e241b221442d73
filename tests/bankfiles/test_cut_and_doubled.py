"""Files that did not come whole or hold something twice: nothing of them is taken as sure."""

from datetime import date

import pytest

from tests.support.movements import WRITERS, Movement
from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Statement

DAY = date(2026, 3, 2)
MOVED = [Movement(800_00, DAY, DAY, reference="BNKR1"), Movement(-160_40, DAY, DAY, reference="BNKR2")]
ADVICE, OFX, SWIFT = (
    WRITERS[name](MOVED).decode() for name in ("camt.054.001.08", "ofx sgml", "mt940 words")
)
REPORT = "\r\n".join(line for line in SWIFT.split("\r\n") if not line.startswith((":60F", ":62F")))


def _read(text: str, encoding: str = "utf-8") -> Statement:
    [statement] = read_statement_file(text.encode(encoding), "x", Reading("INR", 2)).statements
    return statement


def _summed(came_in: str, left: str) -> str:
    sums = f"<TtlCdtNtries><Sum>{came_in}</Sum></TtlCdtNtries><TtlDbtNtries><Sum>{left}</Sum></TtlDbtNtries>"
    return ADVICE.replace("</Acct>", f"</Acct><TxsSummry>{sums}</TxsSummry>", 1)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (ADVICE, ""),
        (_summed("800.00", "160.40"), ""),
        (_summed("960.40", "0"), "its credits are 960.40 in all"),
        (_summed("800.00", "60.40"), "its debits are 60.40 in all"),
        (
            ADVICE.replace("BNKR2", "BNKR1").replace("160.40", "800.00").replace("DBIT", "CRDT"),
            "is in it twice",
        ),
        # the transaction inside says the other side, and no balance says which
        (ADVICE[::-1].replace("TIBD", "TDRC", 1)[::-1], "Entry 2: its only transaction goes the other way"),
        (OFX, ""),
        (OFX[: OFX.index("160.40") + 2], "the last of it may be cut off"),
        (
            OFX.replace("BNKR2", "BNKR1").replace("-160.40", "800.00").replace("DEBIT", "CREDIT"),
            "is in it twice",
        ),
        (SWIFT, ""),
        (SWIFT[: SWIFT.index(":62F:")], "It has no closing balance (:62F:)"),
        (f"{REPORT}\r\n:90D:1INR160,40\r\n:90C:1INR800,00", ""),
        (f"{REPORT}\r\n:90D:1INR160,40\r\n:90C:1INR960,40", "its credits are 960.40 in all"),
    ],
)
def test_what_is_cut_or_doubled_needs_a_person(text: str, doubt: str) -> None:
    statement = _read(text)
    assert doubt in statement.doubt
    assert bool(statement.doubt) == bool(doubt)


@pytest.mark.parametrize("text", [OFX, SWIFT])
def test_utf_16(text: str) -> None:
    assert [entry.signed for entry in _read(text, "utf-16").entries] == [800_00, -160_40]
