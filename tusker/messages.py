"""Sentences for people, which can be said in another language than English."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol

_TEXT, _DAY = "text to be said", "day to be said"
_CODE = re.compile(r"[a-z_]+")
_CODES = {"state", "status", "stage"}
"""The names of parameters that are codes, which languages other than English say by their words."""
LANGUAGES = {"en": "English", "hi": "हिन्दी"}
"""The languages of the product by their codes, each by its own name."""
_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"})


def show_day(day: date) -> str:
    """A day as all pages, messages and mails write it, such as 5 Mar 2026; of an instant its day."""
    return f"{day.day} {day:%b %Y}"


class Speaker(Protocol):
    """Knows a language."""

    @property
    def code(self) -> str:
        """Which: a key of `LANGUAGES`."""

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        """The translation of a text whose `{name}` places are still empty."""

    def day(self, day: date) -> str:
        """A day in words."""


class English:
    """The language in which all texts are written."""

    code = "en"

    def template(self, msgid: str, plural: str | None = None, n: int = 1) -> str:
        return msgid if plural is None or n == 1 else plural

    def day(self, day: date) -> str:
        """Such as 5 Mar 2026."""
        return show_day(day)


ENGLISH = English()
speaker: ContextVar[Speaker] = ContextVar("speaker", default=ENGLISH)
"""Who speaks in this request, job or mail."""


class Text(str):
    """A sentence, label or word: as a string it is the English one, for whoever takes it as it is (the endpoint,
    commands, events, logs); `shown` says it in the language of whom it is for.

    `msgid` is the English with `{name}` where a parameter stands, `plural` the same for any `n` but one.
    """

    msgid: str
    plural: str | None
    params: Mapping[str, object]

    def __new__(cls, msgid: str, plural: str | None, params: Mapping[str, object]) -> Text:
        text = super().__new__(cls, _said(ENGLISH, msgid, plural, params))
        text.msgid, text.plural, text.params = msgid, plural, params
        return text

    def __reduce__(self) -> tuple[object, ...]:
        return Text, (self.msgid, self.plural, dict(self.params))

    def __html__(self) -> str:
        """For templates, which so show every `Text` in the language of the page."""
        return shown(self).translate(_ESCAPED)


def say(msgid: str, /, **params: object) -> Text:
    """A text to be translated: `say("{name} is on hold until {day}", name=…, day=…)`. The first argument is written
    out where it is called, for it is collected from there; days and texts among the parameters are said too."""
    return Text(msgid, None, params)


def say_n(one: str, many: str, n: int, /, **params: object) -> Text:
    """A text that hangs on a number: `say_n("{n} row", "{n} rows", count)`."""
    return Text(one, many, {"n": n, **params})


@lru_cache(maxsize=1_024)
def coded(code: str) -> Text:
    """The word of a code, such as that of a status; scripts/messages.py collects those of all that the source has."""
    return CODE_WORDS.get(code) or Text(code.replace("_", " ").capitalize(), None, {})


def worded(value: str) -> str:
    """A code in words, such as “Written off”; names and amounts stay as they are."""
    return coded(value) if value in CODE_WORDS or _CODE.fullmatch(value) else value


def joined(texts: Iterable[str], by: str = ", ") -> Text:
    """Several texts as one, each of which is said by itself."""
    parts = {f"part{number}": text for number, text in enumerate(texts)}
    return Text(by.join(f"{{{name}}}" for name in parts), None, parts)


def shown(text: str) -> str:
    """A text in the language of whom it is for; a plain string as it is."""
    return _said(speaker.get(), text.msgid, text.plural, text.params) if isinstance(text, Text) else text


def filled(template: str, params: Mapping[str, object]) -> str:
    """A translated text with its parameters, of which texts and days are said, too."""
    return template.format_map({name: _param(speaker.get(), value, name) for name, value in params.items()})


def packed(value: Any) -> Any:
    """A value with texts and days in it as JSON, from which `unpacked` makes it again; of an instant its day."""
    if isinstance(value, Text):
        return {_TEXT: [value.msgid, value.plural, packed(dict(value.params))]}
    if isinstance(value, date):
        return {_DAY: (value.date() if isinstance(value, datetime) else value).isoformat()}
    if isinstance(value, Mapping):
        return {name: packed(one) for name, one in value.items()}
    return [packed(one) for one in value] if isinstance(value, (list, tuple)) else value


def unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [unpacked(one) for one in value]
    if not isinstance(value, dict):
        return value
    if _TEXT in value:
        msgid, plural, params = value[_TEXT]
        return Text(msgid, plural, unpacked(params))
    return date.fromisoformat(value[_DAY]) if _DAY in value else {n: unpacked(v) for n, v in value.items()}


def _said(speaker: Speaker, msgid: str, plural: str | None, params: Mapping[str, object]) -> str:
    if not params:
        return msgid and speaker.template(msgid)
    n = params["n"] if plural is not None else 1
    template = speaker.template(msgid, plural, n if isinstance(n, int) else 1)
    return template.format_map({name: _param(speaker, value, name) for name, value in params.items()})


def _param(speaker: Speaker, value: object, name: str) -> object:
    if isinstance(value, Text):
        return _said(speaker, value.msgid, value.plural, value.params)
    if name in _CODES and isinstance(value, str) and speaker.code != ENGLISH.code:
        word = coded(value)
        said = speaker.template(word.msgid)
        return value if said == word.msgid else said
    return speaker.day(value) if isinstance(value, date) else value


CODE_WORDS = {
    "approved": say("Approved"),
    "csv": say("CSV"),
    "sma_0": say("SMA-0"),
    "sma_1": say("SMA-1"),
    "sma_2": say("SMA-2"),
    "substandard": say("Sub-standard (NPA)"),
    "doubtful": say("Doubtful (NPA)"),
    "financeable": say("To be financed"),
    "bundled": say("In disbursal"),
    "rejected": say("Refused"),
    "written_off": say("Written off"),
    "write_off_undone": say("Write-off undone"),
    "exception": say("Problem"),
    "unknown": say("Needs review"),
    "open": say("Open"),
    "tax": say("Tax at source"),
    "instructed": say("At the bank"),
    "reversed": say("Undone"),
    "payment": say("Received"),
    # events
    "address": say("Address"),
    "key_mark": say("Key, by its mark"),
    "webhook_secret_mark": say("Webhook secret, by its mark"),
    "bank_file": say("Bank file downloaded"),
    "carrier": say("Delivery company"),
    "carrier_id_added": say("Id at a delivery company added"),
    "carrier_id_removed": say("Id at a delivery company removed"),
    "carrier_settings": say("Delivery company set up"),
    "carrier_settings_forgotten": say("Delivery company's setup removed"),
    "claim_reopened": say("Decision on the claim undone"),
    "columns_forgotten": say("Saved columns removed"),
    "columns_remembered": say("Columns saved"),
    "hold_released": say("Paid out despite a hold"),
    "import_cancelled": say("Import of invoices cancelled"),
    "laid_anew": say("Payments reallocated"),
    "looked_at_again": say("Matched again"),
    "monthly_statements": say("Statements by mail"),
    "password_hashed_anew": say("Password stored more safely"),
    "payable": say("To be passed on to the supplier"),
    "payment_freed": say("Payment became credit"),
    "payment_laid_anew": say("Payment reallocated"),
    "payment_reversed": say("Payment undone"),
    "payments_freed": say("Payments became credit"),
    "platform_loan_id": say("Platform's loan id"),
    "receipt_reversed": say("Receipt undone"),
    "recourse": say("Recourse to the supplier"),
    "rule_made": say("Rule added"),
    "told_apart": say("Confirmed as a different invoice"),
    "orphaned": say("Creator has left"),
    "unclear": say("Columns not matched"),
    "manual": say("Reported by hand"),
    # whose names are put together
    "claim_accepted": say("Claim accepted"),
    "claim_dismissed": say("Claim dismissed"),
    "deduction_disputed": say("Deduction disputed"),
    "deduction_undone": say("Deduction undone"),
    "deduction_withdrawn": say("Deduction withdrawn"),
    "delivery_confirmed": say("Delivery confirmed"),
    "delivery_disputed": say("Delivery disputed"),
    "due_date_moved": say("Due date moved"),
    "due_date_moved_back": say("Due date moved back"),
    "email_changed": say("Email changed"),
    "entry_dismissed": say("Entry dismissed"),
    "entry_matched": say("Entry matched"),
    "entry_parked": say("Entry parked"),
    "entry_reopened": say("Entry reopened"),
    "name_changed": say("Name changed"),
    "payout_confirmed": say("Payout confirmed"),
    "payout_rejected": say("Payout rejected"),
    "payout_returned": say("Payout returned"),
    "proposal_accepted": say("Proposal accepted"),
    "proposal_refused": say("Proposal refused"),
    "proposal_withdrawn": say("Proposal withdrawn"),
    "purchaser_dates_changed": say("Dates of the purchaser limit changed"),
    "purchaser_limit_changed": say("Purchaser limit changed"),
    "reference_changed": say("Reference changed"),
    "supplier_dates_changed": say("Dates of the supplier limit changed"),
    "supplier_limit_changed": say("Supplier limit changed"),
    "waiver_undone": say("Waiver undone"),
    # terms and other parts of a proposal
    "apr": say("APR"),
    "collection": say("Purchasers pay"),
    "dates": say("Dates"),
    "due_convention": say("Due date on a closed day"),
    "fee_flat": say("Flat fee"),
    "fee_max": say("Maximum fee"),
    "fee_min": say("Minimum fee"),
    "fee_rate": say("Percentage fee"),
    "interest_method": say("Interest"),
    "interest_timing": say("Interest and fee are paid"),
    "recourse_days": say("Recourse after"),
    "routing": say("Bank code"),
    "tenor_days": say("Tenor"),
}
"""Codes that people call otherwise."""
