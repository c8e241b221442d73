"""The bank's answer to a payment order as ISO 20022 pain.002: what it accepted, and what it rejected and why."""

import re
from collections import Counter
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from tusker.bankfiles.formats import Reading, Source
from tusker.bankfiles.hardened import first_text, read_xml
from tusker.bankfiles.movements import LONGEST, Skip, given, minor_units
from tusker.bankfiles.reasons import reason_told
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import ANSWERS, OrderAnswer, PaymentAnswer
from tusker.domain.bank.narrations import named_in
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
            "The file holds {messages} payment status reports (pain.002); send one at a time.",
            messages=len(messages),
        )
    if sum(1 for _ in root.iter("TxInfAndSts")) > MAX_ANSWERS:
        raise UnreadableFile(
            "The file answers for more than {max_answers} payments; ask the bank for smaller files.",
            max_answers=f"{MAX_ANSWERS:,}",
        )
    version = next(filter(None, map(_NAMESPACE.search, namespaces.values())), None)
    format_ = version.group() if version else "pain.002"
    return _answer(messages[0], format_, reading)


def _answer(message: Element, format_: str, reading: Reading) -> OrderAnswer:
    header = message.find("GrpHdr")
    groups = message.findall("OrgnlGrpInfAndSts")
    blocks = message.findall("OrgnlPmtInfAndSts")
    names = [given(each.findtext("OrgnlMsgId")) for each in groups] or [""]
    # our order is one block of its own id
    order = names[0] or next(filter(None, (given(block.findtext("OrgnlPmtInfId")) for block in blocks)), "")
    if not groups or not order:
        raise UnreadableFile(
            "The payment status report does not say which payment order it answers (<OrgnlMsgId>)."
        )
    _check_one_order(order, names, blocks)
    group = _status(groups[0], "GrpSts")
    # what the bank says of a block is nearer to its payments than what it says of the order
    said = [_nearer(_status(block, "PmtInfSts"), group) for block in blocks]
    agree = len({_of_all(*each)[0] for each in said}) < 2
    whole, why = _of_all(*((said or [group])[0] if agree else ("", "")))
    for nearer in said:
        _check_together(order, group[0], nearer[0])
    if not agree and not all(block.find("TxInfAndSts") is not None for block in blocks):
        raise UnreadableFile(
            "The file says {value} of parts of {order}, but not which payments are in each; "
            "nothing was changed.",
            value=" and ".join(sorted({status or "nothing" for status, _ in said})),
            order=kept(order, 40),
        )
    answers = tuple(
        _payment(order, element, inherited, reading)
        for parent, inherited in ((message, group), *zip(blocks, said, strict=True))
        for element in parent.findall("TxInfAndSts")
    )
    for parent in (groups[0], *blocks):
        for code in _counted(parent):
            _check_together(order, _status(parent, "GrpSts")[0] or _status(parent, "PmtInfSts")[0], code)
    if not _is_rejected(whole):
        _check_rejected(answers, groups, blocks)
    if not answers and not whole:
        raise UnreadableFile(
            "The payment status report says nothing of the payments of {order}.", order=kept(order, 40)
        )
    reference = "" if header is None else given(header.findtext("MsgId"))
    return OrderAnswer(format_, reference, order, whole, why, answers)


def _check_one_order(order: str, names: Sequence[str], blocks: Sequence[Element]) -> None:
    others = {
        name for block in blocks for name in named_in(given(block.findtext("OrgnlPmtInfId"))).disbursals
    }
    # a block that names none of its payments is known by its id alone
    bare = (block for block in blocks if block.find("TxInfAndSts") is None)
    others |= {given(block.findtext("OrgnlPmtInfId")) or order for block in bare}
    if len(names) > 1 or others - {order}:
        several = ", ".join(sorted({*names, *others, order} - {""}))
        raise UnreadableFile(
            "The file answers several payment orders ({several}); send one at a time.", several=several
        )


Said = tuple[str, str]
"""The code of a status, and its reasons in words."""


def _nearer(own: Said, inherited: Said) -> Said:
    return own if own[0] else (inherited[0], own[1] or inherited[1])


def _of_all(status: str, why: str) -> Said:
    """The status of each payment where none is said of it alone; none where each has its own."""
    return ("", "") if _PASSED_ON.fullmatch(status) else (status, why)


def _check_together(order: str, whole: str, part: str) -> None:
    """Raise where what is rejected as a whole is accepted in a part."""
    if _is_rejected(whole) and ANSWERS.get(part, ("",))[0] == "accepted":
        raise UnreadableFile(
            "The file contradicts itself: it says {whole} of all of {order} and {part} of a part "
            "of it; nothing was changed. Ask the bank.",
            whole=whole,
            order=kept(order, 40),
            part=part,
        )


def _counted(parent: Element) -> Counter[str]:
    """How many payments the bank says to have each status."""
    counted: Counter[str] = Counter()
    for each in parent.findall("NbOfTxsPerSts"):
        number = kept(each.findtext("DtldNbOfTxs"), 15)
        counted[_status(each, "DtldSts")[0]] += int(number) if number.isdecimal() else 0
    return +counted


def _is_rejected(status: str) -> bool:
    return ANSWERS.get(status, ("",))[0] == "rejected"


def _check_rejected(answers: Sequence[PaymentAnswer], *levels: Sequence[Element]) -> None:
    """Raise where more payments are counted as rejected than are named."""
    named = sum(_is_rejected(said.status) for said in answers)
    for parents in levels:
        counted = sum((_counted(parent) for parent in parents), Counter[str]())
        told = sum(count for code, count in counted.items() if _is_rejected(code))
        if told > named:
            raise UnreadableFile(
                "The file counts {told} rejected payments, but names {named} of them; nothing was changed. "
                "Ask the bank.",
                told=told,
                named=named,
            )


def _payment(order: str, element: Element, inherited: Said, reading: Reading) -> PaymentAnswer:
    own = _status(element, "TxSts")
    _check_together(order, inherited[0], own[0])
    status, why = own if own[0] else _of_all(*_nearer(own, inherited))
    amount = element.find("OrgnlTxRef/Amt/InstdAmt")
    return PaymentAnswer(
        reference=given(first_text(element, "OrgnlEndToEndId")) or given(first_text(element, "OrgnlInstrId")),
        status=status,
        reason=why or (inherited[1] if status == inherited[0] else ""),
        amount=None if amount is None else _minor(order, amount, reading),
        number=given(first_text(element, "AcctSvcrRef", "ClrSysRef")),
    )


def _minor(order: str, amount: Element, reading: Reading) -> int:
    try:
        if amount.get("Ccy", reading.currency) == reading.currency:
            return minor_units(amount.text or "", reading.exponent)
    except Skip:
        pass
    text = kept(f"{amount.get('Ccy', '')} {amount.text or ''}", 40)
    raise UnreadableFile(
        "The file repeats an amount of {order} as “{text}”, which is none in {currency}; nothing was changed.",
        order=kept(order, 40),
        text=text,
        currency=reading.currency,
    )


def _status(element: Element, name: str) -> tuple[str, str]:
    """The code of a status, and its reasons in words; empty where there is none."""
    status = kept(element.findtext(name), 10).upper()
    reasons = [reason_told(found, "StsRsn") for found in element.findall("StsRsnInf")]
    return status, kept("; ".join(filter(None, reasons)), LONGEST["reason"])
