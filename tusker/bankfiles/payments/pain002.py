"""The bank's answer to a payment order as ISO 20022 pain.002: what it accepted, and what it rejected and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from tusker.bankfiles.formats import Reading, Source
from tusker.bankfiles.hardened import first_text, read_xml
from tusker.bankfiles.movements import LONGEST, Skip, given, minor_units
from tusker.bankfiles.reasons import reason_words
from tusker.bankfiles.texts import kept
from tusker.domain.banking import OrderAnswer, PaymentAnswer
from tusker.errors import UnreadableFile

MAX_ANSWERS = 50_000
_MESSAGE = re.compile(r"<(?:[\w.-]+:)?(?:CstmrPmtStsRpt|pain\.002\.001\.0[12])[\s>/]")
_NAMESPACE = re.compile(r"pain\.002\.001\.[0-9]{2}")
_OLD = re.compile(r"pain\.002\.001\.0[12]")
_PASSED_ON = re.compile(r"PART|PATC")
"""Statuses of a group of which each payment has its own."""


def is_pain002(source: Source) -> bool:
    """Whether a file is the bank's answer to a payment order."""
    return source.head.startswith("<") and _MESSAGE.search(source.head) is not None


def read_pain002(data: bytes, reading: Reading) -> OrderAnswer:
    """Read the answer to one payment order.

    Raises `UnreadableFile` when it is no pain.002 or several, names no order, or says nothing of it.
    """
    root, namespaces = read_xml(data)
    messages = [each for each in root.iter() if each.tag == "CstmrPmtStsRpt" or _OLD.fullmatch(each.tag)]
    if len(messages) != 1:
        raise UnreadableFile(
            f"The file holds {len(messages)} payment status reports (pain.002); send one at a time."
        )
    if sum(1 for _ in root.iter("TxInfAndSts")) > MAX_ANSWERS:
        raise UnreadableFile(
            f"The file answers for more than {MAX_ANSWERS:,} payments; ask the bank for smaller files."
        )
    version = next(filter(None, map(_NAMESPACE.search, namespaces.values())), None)
    format_ = version.group() if version else "pain.002"
    return _answer(messages[0], format_, reading)


def _answer(message: Element, format_: str, reading: Reading) -> OrderAnswer:
    header = message.find("GrpHdr")
    group = message.find("OrgnlGrpInfAndSts")
    order = "" if group is None else given(group.findtext("OrgnlMsgId"))
    if group is None or not order:
        raise UnreadableFile(
            "The payment status report does not say which payment order it answers (<OrgnlMsgId>)."
        )
    blocks = message.findall("OrgnlPmtInfAndSts")
    whole, why = _status(group, "GrpSts")
    for block in blocks:
        # our order is one block, so what the bank says of the block it says of all
        if not whole or _PASSED_ON.fullmatch(whole):
            whole, why = _status(block, "PmtInfSts") if block.findtext("PmtInfSts") else (whole, why)
    answers = tuple(_payments(message, blocks, reading))
    if not answers and (not whole or _PASSED_ON.fullmatch(whole)):
        raise UnreadableFile(f"The payment status report says nothing of the payments of {kept(order, 40)}.")
    reference = "" if header is None else given(header.findtext("MsgId"))
    return OrderAnswer(format_, reference, order, "" if _PASSED_ON.fullmatch(whole) else whole, why, answers)


def _payments(message: Element, blocks: list[Element], reading: Reading) -> Iterator[PaymentAnswer]:
    for parent in (message, *blocks):
        inherited = _status(parent, "PmtInfSts")
        for element in parent.findall("TxInfAndSts"):
            status, why = _status(element, "TxSts")
            amount = element.find("OrgnlTxRef/Amt/InstdAmt")
            yield PaymentAnswer(
                reference=given(first_text(element, "OrgnlEndToEndId", "OrgnlInstrId")),
                status=status or ("" if _PASSED_ON.fullmatch(inherited[0]) else inherited[0]),
                reason=why or inherited[1],
                amount=None if amount is None else _minor(amount, reading),
                number=given(first_text(element, "AcctSvcrRef", "ClrSysRef")),
            )


def _minor(amount: Element, reading: Reading) -> int | None:
    if amount.get("Ccy", reading.currency) != reading.currency:
        return None
    try:
        return minor_units(amount.text or "", reading.exponent)
    except Skip:
        return None


def _status(element: Element, name: str) -> tuple[str, str]:
    """The code of a status, and its reasons in words; empty where there is none."""
    status = kept(element.findtext(name), 10).upper()
    reasons = []
    for found in element.findall("StsRsnInf"):
        code = kept(first_text(found, "Rsn/Cd", "Rsn/Prtry", "StsRsn/Cd", "StsRsn/Prtry"), 40)
        texts = [*found.iterfind("AddtlInf"), *found.iterfind("AddtlStsRsnInf")]
        more = " ".join(" ".join((text.text or "").split()) for text in texts).strip()
        reasons.append(reason_words(code, more))
    return status, kept("; ".join(filter(None, reasons)), LONGEST["reason"])
