"""Why payments come back: the codes of ISO 20022 (ExternalReturnReason1Code) in words."""

from __future__ import annotations

import re

_WORDS = {
    "AC01": "account number is wrong",
    "AC03": "creditor's account number is wrong",
    "AC04": "closed account",
    "AC06": "blocked account",
    "AC13": "debtor's account is of the wrong kind",
    "AC14": "creditor's account is of the wrong kind",
    "AG01": "transaction not allowed on this account",
    "AG02": "wrong transaction code",
    "AM01": "amount is zero",
    "AM02": "amount not allowed",
    "AM03": "currency not allowed",
    "AM04": "insufficient funds",
    "AM05": "duplicate",
    "AM07": "amount blocked",
    "AM09": "wrong amount",
    "BE01": "name does not fit the account",
    "BE04": "creditor's address is missing",
    "BE05": "initiating party not recognised",
    "BE06": "end customer not known",
    "BE07": "debtor's address is missing",
    "CNOR": "creditor's bank is not registered",
    "CURR": "wrong currency",
    "CUST": "asked for by the customer",
    "DNOR": "debtor's bank is not registered",
    "DT01": "wrong date",
    "DUPL": "duplicate payment",
    "ED05": "settlement failed",
    "FF01": "wrong file format",
    "FOCR": "recalled",
    "FR01": "fraud",
    "MD01": "no mandate",
    "MD06": "disputed by the end customer",
    "MD07": "end customer deceased",
    "MS02": "not specified, by the customer",
    "MS03": "not specified, by the bank",
    "NARR": "see the bank's words",
    "NOAS": "no answer from the customer",
    "RC01": "wrong bank code",
    "RC04": "creditor's bank code is wrong",
    "RC07": "creditor's bank code is wrong",
    "RF01": "reference is not unique",
    "RR01": "debtor's account or identification is missing",
    "RR02": "debtor's name or address is missing",
    "RR03": "creditor's name or address is missing",
    "RR04": "regulatory reason",
    "SL01": "a service of the bank forbids it",
    "SVNR": "service not rendered",
    "TECH": "technical problem",
    "TM01": "after the cut-off time",
    "UPAY": "undue payment",
}


_CODE = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def reason_in(text: str) -> str:
    """The first code that a bank's text of a return names, in words; empty when it names none."""
    found = _CODE.search(text)
    return reason_words(found[1]) if found else ""


def reason_words(code: str, more: str = "") -> str:
    """`AC04 closed account`, with what the bank added; an unknown code stands alone."""
    words = " ".join(part for part in (code, _WORDS.get(code.upper(), "")) if part)
    if not more:
        return words
    return f"{words}: {more}" if words else more
