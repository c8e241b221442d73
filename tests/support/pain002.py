"""Answers of a bank to payment orders."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Said:
    """What the bank says of one payment; `amount` in minor units of INR where it repeats it, `number` its UTR."""

    reference: str
    status: str = "ACSP"
    code: str = ""
    more: str = ""
    amount: int | None = None
    number: str = ""


def pain002(
    order: str,
    *payments: Said,
    group: str = "",
    code: str = "",
    block: str = "",
    number: str = "R-1",
    version: str = "12",
) -> bytes:
    """The answer to an order: `group` and `block` are the statuses of the message and of its block."""
    inside = _tag("PmtInfSts", block) + "".join(map(_payment, payments))
    blocks = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{order}</OrgnlPmtInfId>{inside}</OrgnlPmtInfAndSts>"
        if inside
        else ""
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.'
        f'{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>{number}</MsgId><CreDtTm>2026-03-02T12:00:00</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{order}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
        f"{_tag('GrpSts', group)}{_why(code)}</OrgnlGrpInfAndSts>{blocks}</CstmrPmtStsRpt></Document>"
    ).encode()


def _payment(said: Said) -> str:
    amount = "" if said.amount is None else f"{Decimal(said.amount).scaleb(-2):.2f}"
    original = (
        f'<OrgnlTxRef><Amt><InstdAmt Ccy="INR">{amount}</InstdAmt></Amt></OrgnlTxRef>' if amount else ""
    )
    return (
        f"<TxInfAndSts><OrgnlInstrId>{said.reference}</OrgnlInstrId><OrgnlEndToEndId>{said.reference}</OrgnlEndToEndId>"
        f"{_tag('TxSts', said.status)}{_why(said.code, said.more)}{_tag('AcctSvcrRef', said.number)}"
        f"{original}</TxInfAndSts>"
    )


def _why(code: str, more: str = "") -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{_tag('AddtlInf', more)}</StsRsnInf>" if code else ""


def _tag(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>" if text else ""
