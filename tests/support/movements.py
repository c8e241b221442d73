"""One list of movements, written as the statements of each format that banks send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

ACCOUNT = "000111222333"


@dataclass(frozen=True)
class Movement:
    """A movement as the bank knows it; `amount` is signed, in minor units of INR."""

    amount: int
    booked_on: date
    value_date: date
    reference: str = ""
    end_to_end: str = ""
    name: str = ""
    account: str = ""
    text: str = ""


def plain(minor: int) -> str:
    """The amount without its sign, as XML has it."""
    return f"{Decimal(abs(minor)).scaleb(-2):.2f}"


def _tag(name: str, inside: str, *, raw: bool = False) -> str:
    return f"<{name}>{inside if raw else escape(inside)}</{name}>" if inside else ""


def camt(version: str, message: str = "053") -> Callable[..., bytes]:
    """Writes a camt message of this version."""
    root, part = {
        "053": ("BkToCstmrStmt", "Stmt"),
        "052": ("BkToCstmrAcctRpt", "Rpt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[message]

    def write(movements: Sequence[Movement], *, account: str = ACCOUNT, opening: int = 0) -> bytes:
        closing = opening + sum(movement.amount for movement in movements)
        balances = "" if message == "054" else _balance("OPBD", opening) + _balance("CLBD", closing)
        entries = "".join(_entry(movement, int(version)) for movement in movements)
        space = f"urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.{version}"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{space}"><{root}>'
            f"<{part}><Id>S-1</Id><CreDtTm>2026-03-02T18:00:00</CreDtTm>"
            f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>{balances}{entries}</{part}></{root}></Document>"
        ).encode()

    return write


def _balance(code: str, amount: int) -> str:
    side = "CRDT" if amount >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="INR">{plain(amount)}</Amt>'
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>"
    )


def _entry(movement: Movement, version: int) -> str:
    side = "CRDT" if movement.amount > 0 else "DBIT"
    party = "Dbtr" if movement.amount > 0 else "Cdtr"
    name = _tag("Nm", movement.name)
    name = _tag("Pty", name, raw=True) if version >= 8 else name
    account = _tag("Id", _tag("Othr", _tag("Id", movement.account), raw=True), raw=True)
    parties = _tag(party, name, raw=True) + _tag(f"{party}Acct", account, raw=True)
    details = (
        _tag("Refs", _tag("EndToEndId", movement.end_to_end), raw=True)
        + f'<Amt Ccy="INR">{plain(movement.amount)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        + _tag("RltdPties", parties, raw=True)
        + _tag("RmtInf", _tag("Ustrd", movement.text), raw=True)
    )
    status = "<Sts><Cd>BOOK</Cd></Sts>" if version >= 8 else "<Sts>BOOK</Sts>"
    return (
        f'<Ntry><Amt Ccy="INR">{plain(movement.amount)}</Amt><CdtDbtInd>{side}</CdtDbtInd>{status}'
        f"<BookgDt><Dt>{movement.booked_on}</Dt></BookgDt><ValDt><Dt>{movement.value_date}</Dt></ValDt>"
        f"{_tag('AcctSvcrRef', movement.reference)}<NtryDtls><TxDtls>{details}</TxDtls></NtryDtls></Ntry>"
    )


def _swift(minor: int) -> str:
    return plain(minor).replace(".", ",")


def mt940(shape: str) -> Callable[..., bytes]:
    """Writes an MT940 whose texts have numbered subfields (`?`), codes between slashes (`/`), or only words."""

    def write(movements: Sequence[Movement], *, account: str = ACCOUNT, opening: int = 0) -> bytes:
        closing = opening + sum(movement.amount for movement in movements)
        head = [
            "{1:F01BANKINBBAXXX0000000000}{2:I940BANKINBBXXXXN}{4:",
            ":20:STMT",
            f":25:{account}",
            ":28C:1/1",
        ]
        lines = [line for movement in movements for line in _lines(movement, shape)]
        ends = [f":62F:{_mark(closing)}260302INR{_swift(closing)}", ":86:END OF STATEMENT", "-}"]
        return "\r\n".join(
            (*head, f":60F:{_mark(opening)}260302INR{_swift(opening)}", *lines, *ends)
        ).encode()

    return write


def _mark(signed: int) -> str:
    return "C" if signed >= 0 else "D"


def _lines(movement: Movement, shape: str) -> list[str]:
    words = {"?": _numbered, "/": _coded, "": _words}[shape](movement)
    mark = _mark(movement.amount)
    own = movement.end_to_end if shape == "" else ""
    reference = f"//{movement.reference}" if movement.reference else ""
    line = (
        f":61:{movement.value_date:%y%m%d}{movement.booked_on:%m%d}{mark}{_swift(movement.amount)}"
        f"NTRF{own or 'NONREF'}{reference}"
    )
    return [line, *([f":86:{words[0]}", *words[1:]] if words[0] else [])]


def _numbered(movement: Movement) -> list[str]:
    purpose = (f"EREF+{movement.end_to_end}" if movement.end_to_end else "") + f"SVWZ+{movement.text}"
    pieces = [purpose[start : start + 27] for start in range(0, len(purpose), 27)]
    fields = [f"?{20 + place}{piece}" for place, piece in enumerate(pieces[:10])]
    fields += [f"?{60 + place}{piece}" for place, piece in enumerate(pieces[10:])]
    fields += [f"?31{movement.account}"] if movement.account else []
    fields += [f"?32{movement.name[:27]}"] if movement.name else []
    fields += [f"?33{movement.name[27:]}"] if movement.name[27:] else []
    whole = "166?00TRANSFER" + "".join(fields)
    return [whole[start : start + 65] for start in range(0, len(whole), 65)]


def _coded(movement: Movement) -> list[str]:
    text = f"/EREF/{movement.end_to_end}/" if movement.end_to_end else ""
    if movement.name or movement.account:
        text += f"/CNTP/{movement.account}/BANKINBB/{movement.name}///"
    text += f"/REMI/USTD//{movement.text}/" if movement.text else ""
    return [text[start : start + 65] for start in range(0, len(text), 65)] or [""]


def _words(movement: Movement) -> list[str]:
    return [movement.text[start : start + 65] for start in range(0, len(movement.text), 65)] or [""]


def ofx(style: str) -> Callable[..., bytes]:
    """Writes OFX as SGML without ends of elements, or as XML."""

    def value(name: str, inside: str) -> str:
        ends = f"</{name}>" if style == "xml" else "\n"
        return f"<{name}>{escape(inside)}{ends}" if inside else ""

    def write(movements: Sequence[Movement], *, account: str = ACCOUNT, opening: int = 0) -> bytes:
        head = (
            '<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="220"?>\n'
            if style == "xml"
            else "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:UTF-8\n\n"
        )
        rows = "".join(
            "<STMTTRN>"
            + value("TRNTYPE", "CREDIT" if each.amount > 0 else "DEBIT")
            + value("DTPOSTED", f"{each.booked_on:%Y%m%d}120000[+5.5:IST]")
            + value("DTAVAIL", f"{each.value_date:%Y%m%d}")
            + value("TRNAMT", f"{'-' if each.amount < 0 else ''}{plain(each.amount)}")
            + value("FITID", each.reference)
            + value("NAME", each.name)
            + (
                f"<BANKACCTTO>{value('BANKID', 'X')}{value('ACCTID', each.account)}</BANKACCTTO>"
                if each.account
                else ""
            )
            + value("MEMO", each.text)
            + "</STMTTRN>"
            for each in movements
        )
        closing = opening + sum(movement.amount for movement in movements)
        sign = "-" if closing < 0 else ""
        return (
            f"{head}<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS>{value('CURDEF', 'INR')}<BANKACCTFROM>"
            f"{value('BANKID', 'X')}{value('ACCTID', account)}{value('ACCTTYPE', 'CHECKING')}</BANKACCTFROM>"
            f"<BANKTRANLIST>{value('DTSTART', '20260301')}{value('DTEND', '20260302')}{rows}</BANKTRANLIST>"
            f"<LEDGERBAL>{value('BALAMT', sign + plain(closing))}{value('DTASOF', '20260302')}</LEDGERBAL>"
            "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
        ).encode()

    return write


WRITERS: dict[str, Callable[..., bytes]] = {
    "camt.053.001.02": camt("02"),
    "camt.053.001.08": camt("08"),
    "camt.052.001.08": camt("08", "052"),
    "camt.054.001.08": camt("08", "054"),
    "mt940 numbered": mt940("?"),
    "mt940 coded": mt940("/"),
    "mt940 words": mt940(""),
    "ofx sgml": ofx("sgml"),
    "ofx xml": ofx("xml"),
}


def turned(name: str, written: bytes, place: int = 0) -> bytes:
    """The file with the sign of one movement turned round, where the format says it first."""
    text = written.decode()
    mark, other = {
        "ofx": ("<TRNAMT>", {"-": "", "": "-"}),
        "mt9": ("\r\n:61:", {"C": "D", "D": "C"}),
    }.get(name[:3], ("<Ntry>", {"CRDT": "DBIT", "DBIT": "CRDT"}))
    pieces = text.split(mark)
    piece = pieces[place + 1]
    if name.startswith("ofx"):
        pieces[place + 1] = piece.removeprefix("-") if piece.startswith("-") else f"-{piece}"
    elif name.startswith("mt9"):
        pieces[place + 1] = piece[:10] + other[piece[10]] + piece[11:]
    else:
        start = piece.index("<CdtDbtInd>") + len("<CdtDbtInd>")
        pieces[place + 1] = piece[:start] + other[piece[start : start + 4]] + piece[start + 4 :]
    return mark.join(pieces).encode()
