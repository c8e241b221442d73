"""Why payments come back: the codes of ISO 20022 (ExternalReturnReason1Code) in words."""

import re
from xml.etree.ElementTree import Element

from tusker.bankfiles.hardened import first_text
from tusker.bankfiles.texts import kept
from tusker.messages import joined, say

_WORDS = {
    "AC01": say("account number is wrong"),
    "AC03": say("creditor's account number is wrong"),
    "AC04": say("closed account"),
    "AC06": say("blocked account"),
    "AC13": say("debtor's account is of the wrong kind"),
    "AC14": say("creditor's account is of the wrong kind"),
    "AG01": say("transaction not allowed on this account"),
    "AG02": say("wrong transaction code"),
    "AM01": say("amount is zero"),
    "AM02": say("amount not allowed"),
    "AM03": say("currency not allowed"),
    "AM04": say("insufficient funds"),
    "AM05": "duplicate",
    "AM07": say("amount blocked"),
    "AM09": say("wrong amount"),
    "BE01": say("name does not fit the account"),
    "BE04": say("creditor's address is missing"),
    "BE05": say("initiating party not recognised"),
    "BE06": say("end customer not known"),
    "BE07": say("debtor's address is missing"),
    "CNOR": say("creditor's bank is not registered"),
    "CURR": say("wrong currency"),
    "CUST": say("asked for by the customer"),
    "DNOR": say("debtor's bank is not registered"),
    "DT01": say("wrong date"),
    "DUPL": say("duplicate payment"),
    "ED05": say("settlement failed"),
    "FF01": say("wrong file format"),
    "FOCR": "recalled",
    "FR01": "fraud",
    "MD01": say("no mandate"),
    "MD06": say("disputed by the end customer"),
    "MD07": say("end customer deceased"),
    "MS02": say("not specified, by the customer"),
    "MS03": say("not specified, by the bank"),
    "NARR": say("see the bank's words"),
    "NOAS": say("no answer from the customer"),
    "RC01": say("wrong bank code"),
    "RC04": say("creditor's bank code is wrong"),
    "RC07": say("creditor's bank code is wrong"),
    "RF01": say("reference is not unique"),
    "RR01": say("debtor's account or identification is missing"),
    "RR02": say("debtor's name or address is missing"),
    "RR03": say("creditor's name or address is missing"),
    "RR04": say("regulatory reason"),
    "SL01": say("a service of the bank forbids it"),
    "SVNR": say("service not rendered"),
    "TECH": say("technical problem"),
    "TM01": say("after the cut-off time"),
    "UPAY": say("undue payment"),
}


_CODE = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def reason_in(text: str) -> str:
    """The first code that a bank's text of a return names, in words; empty when it names none."""
    found = _CODE.search(text)
    return reason_words(found[1]) if found else ""


def reason_words(code: str, more: str = "") -> str:
    """`AC04 closed account`, with what the bank added; an unknown code stands alone."""
    words = joined(filter(None, (code, _WORDS.get(code.upper()))), " ")
    return joined(filter(None, (words, more)), ": ")


def reason_told(element: Element, old: str) -> str:
    """The code of a reason in an XML message in words; in the first version of the message its parts are named by
    `old`."""
    code = kept(first_text(element, "Rsn/Cd", "Rsn/Prtry", f"{old}/Cd", f"{old}/Prtry"), 40)
    texts = [*element.iterfind("AddtlInf"), *element.iterfind(f"Addtl{old}Inf")]
    more = " ".join(found.text or "" for found in texts)
    return reason_words(code, " ".join(more.split()))
