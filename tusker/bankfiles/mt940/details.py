"""The text of a movement in an MT940 (field 86): subfields by question marks, codes between slashes, or plain words."""

import re
from dataclasses import dataclass

from mt940.models import Transactions
from mt940.options import Options
from mt940.processors import transaction_details_post_processor
from mt940.tags import Tags

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.movements import LONGEST, Skip, given, minor_units
from tusker.bankfiles.reasons import reason_in, reason_words
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction

LINE = 65
"""Characters of a line of field 86; one as long as this goes on in the next without a blank."""
_NUMBERED = re.compile(r"([0-9]{3})([?<>^~|])(?=[0-9]{2})")
_CODES = (
    "ABWA|ACCW|ADDR|BENM|BIC|CHGS|CHGS[12]|CNTP|CSID|EREF|EXCH|IBAN|ID|IREF|ISDT|KREF|MARF|NAME|OCMT|ORDP|PREF|PURP|REMI"
    "|RREF|RTRN|SVCL|TRCD|TRTP|TR|UCRD|UDTR|ULTB|ULTC|ULTD"
)
_CODE = re.compile(rf"/({_CODES})/")
_RETURNS = frozenset({"108", "109", "159"})
"""Codes of German banks for a debit or a transfer that came back."""
_MONEY = re.compile(r"([A-Z]{3})?\s*([0-9]{1,15}(?:[,.][0-9]{1,3})?)\s*([A-Z]{3})?")
_CONTEXT = Transactions(options=Options.all())


@dataclass(frozen=True, slots=True)
class Text:
    """What the text says; empty where it says nothing. `instructed` is the amount of the payment itself."""

    remittance: str
    end_to_end_id: str = ""
    batch_reference: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    return_reason: str | None = None
    instructed: int | None = None


def read_details(text: str, direction: Direction, reading: Reading) -> Text:
    """Read the text of a movement in one of its three shapes."""
    if _NUMBERED.match(text):
        return _numbered(text, reading)
    joined = _joined(text)
    if joined.startswith("/") and _CODE.search(joined):
        return _coded(joined, direction, reading)
    return Text(kept(joined, LONGEST["remittance"]))


def _joined(text: str) -> str:
    """The lines as one text: a full line breaks inside of a word."""
    whole = ""
    for line in text.split("\n"):
        whole += line if len(line) >= LINE else line.rstrip() + " "
    return whole.strip()


def _numbered(text: str, reading: Reading) -> Text:
    mark = _NUMBERED.match(text)
    if mark and mark[2] != "?":
        text = re.sub(re.escape(mark[2]) + r"(?=[0-9]{2})", "?", text)
    # the library joins lines and subfields as the bank cut them, without blanks
    told: dict[str, str | None] = {}
    told = transaction_details_post_processor(
        _CONTEXT, Tags.TRANSACTION_DETAILS.value, {"transaction_details": text}, {"transaction_details": text}
    )
    purpose = told.get("purpose") or told.get("posting_text") or ""
    remittance = kept(
        " ".join(filter(None, (purpose, told.get("additional_purpose")))), LONGEST["remittance"]
    )
    code = text[:3]
    found = reason_in(purpose) if code in _RETURNS else ""
    return Text(
        remittance,
        end_to_end_id=given(told.get("end_to_end_reference") or told.get("customer_reference")),
        counterparty=kept(told.get("applicant_name"), LONGEST["party"]),
        counterparty_account=given(told.get("gvc_applicant_iban") or told.get("applicant_iban")),
        return_reason=(found or "returned") if code in _RETURNS else None,
        instructed=_money(told.get("original_amount"), reading),
    )


def _coded(text: str, direction: Direction, reading: Reading) -> Text:
    pieces = _CODE.split(text)
    told: dict[str, str] = {}
    for code, value in zip(pieces[1::2], pieces[2::2], strict=True):
        told.setdefault(code, value.strip() if code == "CNTP" else value.strip("/ "))
    other = told.get("ORDP" if direction == "credit" else "BENM")
    # account, bank and name of the other side
    parties = told["CNTP"].split("/") if "CNTP" in told else ["", "", other or told.get("NAME", "")]
    account, _, name = (*parties, "", "")[:3]
    reason = told.get("RTRN")
    remittance = re.sub(r"^(?:USTD//|STRD/(?:CUR|ISO)/)", "", told.get("REMI", ""))
    return Text(
        kept(remittance or pieces[0].strip("/ "), LONGEST["remittance"]),
        end_to_end_id=given(told.get("EREF") or told.get("KREF")),
        batch_reference=given(told.get("PREF")),
        counterparty=kept(name, LONGEST["party"]),
        counterparty_account=given(account or told.get("IBAN")),
        return_reason=kept(reason_words(reason.split("/")[0]), LONGEST["reason"]) if reason else None,
        instructed=_money(told.get("OCMT"), reading),
    )


def _money(text: str | None, reading: Reading) -> int | None:
    """An amount that the text names in our currency; None where there is none."""
    found = _MONEY.fullmatch((text or "").strip())
    if found is None or {found[1], found[3]} - {None, reading.currency}:
        return None
    try:
        return minor_units(found[2].replace(",", "."), reading.exponent) or None
    except Skip:
        return None
