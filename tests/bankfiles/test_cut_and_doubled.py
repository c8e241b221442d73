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
REPORT = "\r\n".join(line for line in SWIFT.split("\r\n") if not line.startswith((":60F", ":62F", ":86")))


def _read(text: str, encoding: str = "utf-8") -> Statement:
    [statement] = read_statement_file(text.encode(encoding), "x", Reading("INR", 2)).statements
    return statement


def _summed(came_in: str, left: str, advice: str = ADVICE) -> str:
    sums = f"<TtlCdtNtries><Sum>{came_in}</Sum></TtlCdtNtries><TtlDbtNtries><Sum>{left}</Sum></TtlDbtNtries>"
    return advice.replace("</Acct>", f"</Acct><TxsSummry>{sums}</TxsSummry>", 1)


def _alike(text: str) -> str:
    """The second movement with the reference, amount and direction of the first."""
    for theirs, first in (
        ("BNKR2", "BNKR1"),
        ("-160.40", "800.00"),
        ("160.40", "800.00"),
        ("D160,40", "C800,00"),
    ):
        text = text.replace(theirs, first)
    return text.replace("DEBIT", "CREDIT").replace("DBIT", "CRDT")


def _advised(amount: str, *parts: str, charges: str = "", times: int = 1) -> str:
    """An advice of one batch that came in, whose parts may be counter-entries."""
    details = "".join(
        f'<TxDtls><Refs><EndToEndId>E{place}</EndToEndId></Refs><Amt Ccy="INR">{part.lstrip("-")}</Amt>'
        f"<CdtDbtInd>{'DBIT' if part.startswith('-') else 'CRDT'}</CdtDbtInd></TxDtls>"
        for place, part in enumerate(parts)
    )
    taken = f'<Chrgs><Rcrd><Amt Ccy="INR">{charges}</Amt></Rcrd></Chrgs>' if charges else ""
    entry = (
        f'<Ntry><Amt Ccy="INR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{DAY}</Dt></BookgDt><AcctSvcrRef>BATCH1</AcctSvcrRef>{taken}"
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )
    return ADVICE[: ADVICE.index("<Ntry>")] + entry * times + ADVICE[ADVICE.rindex("</Ntry>") + 7 :]


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (ADVICE, ""),
        (_summed("800.00", "160.40"), ""),
        (_summed("960.40", "0"), "its credits are 960.40 in all"),
        (_summed("800.00", "60.40"), "its debits are 60.40 in all"),
        # the bank sums up its entries, not their parts
        (_summed("990.00", "0", _advised("990.00", "600.00", "400.00", charges="10.00")), ""),
        (_summed("900.00", "0", _advised("900.00", "1000.00", "-100.00")), ""),
        (_advised("1000.00", "600.00", "400.00", times=2), "reference “BATCH1” is in it twice"),
        (_alike(ADVICE), "is in it twice"),
        # payments of one reference that say other things are not one
        (
            _alike(ADVICE).replace("<TxDtls>", "<TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs>", 1),
            "",
        ),
        # the transaction inside says the other side, and no balance says which
        (ADVICE[::-1].replace("TIBD", "TDRC", 1)[::-1], "Entry 2: its only transaction goes the other way"),
        (OFX, ""),
        (OFX[: OFX.index("160.40") + 2], "the last of it may be cut off"),
        # its own list has ended
        (OFX.replace("</OFX>", ""), ""),
        (_alike(OFX), "is in it twice"),
        (_alike(OFX).replace("<FITID>", "<NAME>ACME<FITID>", 1), ""),
        (SWIFT, ""),
        (_alike(REPORT), "is in it twice"),
        (_alike(REPORT).replace("BNKR1", "BNKR1\r\n:86:ACME", 1), ""),
        (SWIFT[: SWIFT.index(":62F:")], "It has no closing balance (:62F:)"),
        (f"{REPORT}\r\n:90D:1INR160,40\r\n:90C:1INR800,00", ""),
        (f"{REPORT}\r\n:90D:1INR160,40\r\n:90C:1INR960,40", "its credits are 960.40 in all"),
        # a note about its pages is none about its entries
        (f"{REPORT}\r\n:62M:C260302INR1,00\r\n:90C:1INR960,40", "its credits are 960.40 in all"),
    ],
)
def test_what_is_cut_or_doubled_needs_a_person(text: str, doubt: str) -> None:
    statement = _read(text)
    assert doubt in statement.doubt
    assert bool(statement.doubt) == bool(doubt)


def test_of_a_cut_transaction_nothing_is_taken() -> None:
    statement = _read(OFX[: OFX.index("160.40") + 2])
    assert [entry.amount for entry in statement.entries] == [800_00]
    assert "the file ends in it" in str(statement.skipped)


@pytest.mark.parametrize("text", [OFX, SWIFT])
def test_utf_16(text: str) -> None:
    assert [entry.signed for entry in _read(text, "utf-16").entries] == [800_00, -160_40]
