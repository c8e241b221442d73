"""OFX as banks write it: SGML without ends, XML, several accounts, and what contradicts itself."""

from __future__ import annotations

from datetime import date

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.statements import read_statement_file
from tusker.domain.bank.banking import Statement

SGML = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260302</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS><CURDEF>INR
<BANKACCTFROM><BANKID>HDFC<ACCTID>000111222333<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260301<DTEND>20260302
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260302120000[+5.5:IST]<TRNAMT>+8000.00<FITID>N520260302
<PAYEE /><CURRENCY /><NAME>ACME &amp; SONS<MEMO><![CDATA[INV ACME-1001]]>
</STMTTRN>
<STMTTRN id="2"><TRNTYPE>OTHER<DTPOSTED>20260302<DTAVAIL>20260303<TRNAMT>-1601,40<FITID>2<REFNUM>UTR7
<PAYEE><NAME>Supplier<CITY>Pune</PAYEE><BANKACCTTO><BANKID>X<ACCTID>50100012345678</BANKACCTTO>
</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260302<TRNAMT>-5.00<FITID>3</STMTTRN>
<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20260302<TRNAMT>5.00<FITID>4<CORRECTFITID>3<CORRECTACTION>REPLACE</STMTTRN>
<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20260230<TRNAMT>5.00<FITID>5</STMTTRN>
<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20260302<TRNAMT>5.00<FITID>6<CURRENCY><CURRATE>80<CURSYM>USD</CURRENCY></STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>-12.50<DTASOF>20260302</LEDGERBAL><AVAILBAL><BALAMT>99<DTASOF>20260302</AVAILBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def _read(data: bytes) -> list[Statement]:
    read = read_statement_file(data, "bank.ofx", Reading("INR", 2))
    assert read.format == "ofx"
    return list(read.statements)


def test_sgml_without_ends_of_elements() -> None:
    [statement] = _read(SGML)
    assert (statement.account, statement.opening_balance, statement.closing_balance) == (
        "000111222333",
        None,
        -1250,
    )
    assert (statement.opened_on, statement.closed_on) == (date(2026, 3, 1), date(2026, 3, 2))
    credit, debit = statement.entries
    assert (credit.signed, credit.bank_reference, credit.counterparty) == (
        800000,
        "N520260302",
        "ACME & SONS",
    )
    assert credit.remittance == "ACME & SONS INV ACME-1001"
    # many that never end are not each looked for to the end of the file
    assert _read(SGML + b"<![CDATA[" * 40_000) == [statement]
    assert (debit.signed, debit.bank_reference, debit.value_date) == (-160140, "UTR7", date(2026, 3, 3))
    assert (debit.counterparty, debit.counterparty_account) == ("Supplier", "50100012345678")
    assert statement.doubt == "Entry 3: it is of the kind CREDIT, but its amount is -5.00."
    assert statement.skipped == (
        "Entry 3: it is of the kind CREDIT, but its amount is -5.00; skipped.",
        "Entry 4: it corrects 3; look at the bank's pages; skipped.",
        "Entry 5: its date “20260230” is not one; skipped.",
        "Entry 6: its amount is in USD, not INR; skipped.",
    )


def test_an_original_currency_is_only_told_and_a_thousand_is_no_fraction() -> None:
    [told] = _read(SGML.replace(b"<CURRENCY>", b"<ORIGCURRENCY>").replace(b"</CURRENCY>", b"</ORIGCURRENCY>"))
    assert [entry.signed for entry in told.entries] == [800000, -160140, 500]
    [statement] = _read(SGML.replace(b"-1601,40", b"-1,601"))
    assert [entry.signed for entry in statement.entries] == [800000]
    assert "Entry 2: its amount “-1,601” may be thousands or a fraction; skipped." in statement.skipped


def test_the_banks_own_id_tells_movements_apart_unless_it_only_counts() -> None:
    credit, debit = _read(SGML)[0].entries
    assert credit.likeness == ""
    assert debit.likeness != ""


def test_two_accounts_of_one_file_are_two_statements() -> None:
    part = SGML[SGML.index(b"<STMTRS>") : SGML.index(b"</STMTTRNRS>")]
    both = SGML.replace(part, part + part.replace(b"000111222333", b"999"))
    assert [statement.account for statement in _read(both)] == ["000111222333", "999"]
    assert [len(statement.entries) for statement in _read(both)] == [2, 2]
