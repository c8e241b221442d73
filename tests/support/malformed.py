"""Files that are no bank statement, each with the words that refuse it."""

from __future__ import annotations

import gzip
import io
import zipfile

from tests.support.payment_orders import ISO20022
from tusker.bankfiles.statements import MAX_BYTES

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
GOOD = (ISO20022 / "genkgo-camt053.v8.xml").read_bytes()


def _document(inside: str, before: str = "") -> bytes:
    return (
        f'{before}<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>{inside}</BkToCstmrStmt></Document>'.encode()
    )


def _zipped(*names: str, inside: bytes = GOOD) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, inside)
    return out.getvalue()


def _encrypted() -> bytes:
    """An archive whose only file is marked as encrypted, in its own head and in the archive's list."""
    data = bytearray(_zipped("a.xml"))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    return bytes(data)


ENCRYPTED = _encrypted()


BILLION_LAUGHS = _document(
    "<Stmt>&c;</Stmt>",
    '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
)
EXTERNAL = _document("<Stmt>&x;</Stmt>", '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>')
BROKEN_UTF8 = _document("<Stmt><Id>ab\ufffd</Id></Stmt>").replace("\ufffd".encode(), b"\xff\xff")
ENTRY = "<Ntry>{}<CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-02</Dt></BookgDt></Ntry>"
AMOUNT = '<Amt Ccy="EUR">1.00</Amt>'
MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "bank.xml is empty"),
    "blanks": (b" \r\n\t ", "bank.xml is empty"),
    "a mark only": (b"\xef\xbb\xbf", "bank.xml is empty"),
    "zeros": (b"\0" * 500, "bank.xml is empty"),
    "too large": (b"x" * (MAX_BYTES + 1), "larger than 20 MB"),
    "gzip cut off": (gzip.compress(GOOD)[:-20], "gzip archive is cut off"),
    "gzip that is none": (b"\x1f\x8bnot really", "gzip archive is damaged"),
    "gzip bomb": (gzip.compress(b"<" + b" " * MAX_BYTES), "or much larger than its archive"),
    "gzip in gzip": (gzip.compress(gzip.compress(GOOD)), "holds another archive"),
    "zip of two": (_zipped("a.xml", "b.xml"), "holds 2 files; send one at a time"),
    "zip of none": (_zipped("__MACOSX/a.xml"), "ZIP archive is empty"),
    "zip that is none": (b"PK\x03\x04 not really", "ZIP archive is damaged"),
    "zip bomb": (_zipped("a.xml", inside=b"<" + b" " * 5_000_000), "or much larger than its archive"),
    "zip in zip": (_zipped("a.zip", inside=_zipped("a.xml")), "holds another archive"),
    "zip with a password": (ENCRYPTED, "is encrypted; unpack it first"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7-Zip archive"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF; ask the bank"),
    "no workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "begins like a workbook but is damaged"),
    "picture": (b"\x89PNG\r\n\x1a\n", "a picture"),
    "web page": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "a web page; the bank's portal"),
    "xhtml": (b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>', "a web page"),
    "mt940 of nobody": (b":20:STARTUMS\r\n:28C:1/1\r\n", "MT940 that does not say whose account"),
    "mt940 cut off": (b"{1:F01BANKDEFFXXXX}{2:I940}{4:\r\n:20:X", "MT940 that does not say whose account"),
    "mt940 of odd lines": (
        b":20:X\n:25:1\n:61:nothing\n:61:2602300230C1,00NTRF\n:61:260302X1,00NTRF\n",
        "Entry 1: “nothing” is no line of a statement; skipped. Entry 2: a date in “2602300230C1,00NTRF” is not one",
    ),
    "mt940 of another currency": (
        b":20:X\n:25:1\n:60F:C260301USD1,\n:61:260302C1,00NTRF\n",
        "Entry 1: its amount is in USD, not EUR; skipped.",
    ),
    "ofx without a statement": (b"OFXHEADER:100\nDATA:OFXSGML\n", "OFX without a bank statement"),
    "ofx with entities": (
        b'<?xml version="1.0"?>\n<?OFX?><!DOCTYPE a [<!ENTITY b "c">]><OFX>',
        "DTD or entities",
    ),
    "ofx of contradictions": (
        b"<OFX><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM>"
        b"<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260302<TRNAMT>-5.00<FITID>A1</STMTTRN></STMTRS></OFX>",
        "Entry 1: it is of the kind CREDIT, but its amount is -5.00; skipped.",
    ),
    "qif": (b"!Type:Bank\nD03/02/2026\nT5.00\n^\n", "a QIF file"),
    "json": (b'{"transactions": []}', "JSON; ask the bank"),
    "entity bomb": (BILLION_LAUGHS, "declares a DTD"),
    "external entity": (EXTERNAL, "declares a DTD"),
    "external DTD": (_document("", '<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">'), "declares a DTD"),
    "undeclared entity": (
        _document("<Stmt>&nbsp;</Stmt>"),
        "not well-formed XML (line 1, column 87): undefined entity",
    ),
    "a million nested tags": (b"<a>" * 1_000_000, "nested more than 64 deep"),
    "nested inside": (_document("<Stmt>" + "<a>" * 5000 + "</a>" * 5000 + "</Stmt>"), "nested more than 64"),
    "cut off": (GOOD[:3000], "not well-formed XML (line"),
    "crossed tags": (_document("<Stmt><Id></Stmt></Id>"), "mismatched tag"),
    "two roots": (_document("") + b"<a/>", "junk after document element"),
    "wrong bytes": (BROKEN_UTF8, "not well-formed"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding"),
    "encoding that is none": (b'<?xml version="1.0" encoding="rot13"?><a/>', "encoding"),
    "odd UTF-16": (b"\xff\xfe<\0a\0/\0>", "begins as UTF-16"),
    "UTF-16 with half a pair": (b"\xff\xfe" + b"\x00\xd8" * 3, "begins as UTF-16"),
    "other XML": (
        b"<catalog><book/></catalog>",
        "XML but not a bank statement (camt.053): it begins with <catalog>",
    ),
    "camt.052": (b"<Document><BkToCstmrAcctRpt/></Document>", "no report in it (<Rpt>)"),
    "camt.054": (b"<Document><BkToCstmrDbtCdtNtfctn/></Document>", "no notification in it (<Ntfctn>)"),
    "pain.001": (
        b"<Document><CstmrCdtTrfInitn/></Document>",
        "a payment order (pain.001), not a bank statement",
    ),
    "pain.002": (b"<Document><CstmrPmtStsRpt/></Document>", "a payment status report (pain.002)"),
    "no statement": ((ISO20022 / "genkgo-camt053.v2.wrong.xml").read_bytes(), "no statement in it (<Stmt>)"),
    "too many statements": (_document("<Stmt/>" * 1_001), "more than 1,000 statements or 50,000 movements"),
    "too many entries": (_document(f"<Stmt>{'<Ntry/>' * 50_001}</Stmt>"), "statements or 50,000 movements"),
    "no amount": (_document(f"<Stmt>{ENTRY.format('')}</Stmt>"), "Entry 1: no amount; skipped."),
    "other currency": (
        _document(f"<Stmt>{ENTRY.format(AMOUNT.replace('EUR', 'XXX')) * 5}</Stmt>"),
        "Entry 3: its amount is in XXX, not EUR; skipped. And 2 more.",
    ),
    "a binary": (b"MZ\x90\0\x03\0\0\0\x04\0", "not text (line 1, byte 0x00)"),
    "neither encoding": (
        b"Date,Amount\n2026-03-02,5\x81\n",
        "neither UTF-8 nor Windows-1252 text (line 2, byte 0x81)",
    ),
    "prose": (b"Dear customer,\nno statement today.\n", "no header with a date and an amount"),
    "no amount column": (b"Date,Narration\n2026-03-02,x\n", "no header with a date and an amount"),
    "credit only": (b"Date,Credit\n2026-03-02,5\n", "no header with a date and an amount"),
    "rows without a header": (
        b"2026-03-02,5\n2026-03-03,6\n",
        "Name the bank's columns in STATEMENT_CSV_COLUMNS",
    ),
    "header only": (b"Date,Amount\n", "a header but no rows"),
    "quote left open": (
        b'Date,Amount\n2026-03-02,"5\n2026-03-03,6\n',
        "record that begins in line 2 cannot be read",
    ),
    "too many rows": (b"Date,Amount\n" + b"2026-03-02,5\n" * 50_001, "more than 50,000 rows"),
    "no row readable": (b"Date,Amount\nx,5\n,6\n", "Nothing in the file could be read. Line 2: its date"),
    "day first and month first": (
        b"Date,Amount\n12/31/2025,5\n31/12/2025,5\n",
        "month first in one column; set STATEMENT_DATE_FORMAT",
    ),
    "too many columns": (b"Date,Amount" + b"," * 1_000_000, "line 1 has more than 300 columns"),
    "a very long cell": (b"Date,Amount\n2026-03-02," + b"9" * 200_000, "field larger than field limit"),
}
