"""What Indian banks write into one narration: the way of payment, its reference, the other side's name and account.

`NEFT CR-BANK0000001-ACME LTD-INV 1001-N123456789012345`, `IMPS-612345678901-NAME-BANK-XXXX1234-text`,
`RTGS/…/…`, `UPI/612345678901/…`. Only what stands at a place that the bank itself fills counts: the name directly
behind the bank's code or reference, never a word of the payer's own text.
"""

import re
import string
from collections.abc import Sequence
from typing import NamedTuple

_SHAPE = re.compile(
    r"\s*(?:(?:by|to)\s+transfer\s*-\s*|mmt/|inb[ /-]|mb[ /-]|trf[ /-])?"
    r"(?P<way>neft|rtgs|imps|upi|nach|ach|ecs)"
    r"(?:[ _-]?(?:cr|dr|credit|debit|in|out|inward|p2a|p2m|p2p))?\s*[-/*:|_]\s*",
    re.IGNORECASE,
)
_APART = re.compile(r"[-/*|]")
IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_UTR = re.compile(
    r"[A-Z]{4}R[A-Z0-9]20[0-9]{6}[0-9]{8}|(?=[A-Z0-9]{13,16}$)[A-Z]{1,6}[0-9]{1,2}[A-Z0-9]*[0-9]{8,}"
)
"""22 characters of RTGS: bank, R, channel, day, number; up to 16 of NEFT, which begin with letters."""
_RRN = re.compile(r"[0-9]{12}")
_ACCOUNT = re.compile(r"[0-9]{9,18}|[X*]{2,}[0-9]{3,6}", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]{2}")
_CODES = frozenset(
    {"CR", "DR", "P2A", "P2M", "P2P", "IN", "OUT", "CREDIT", "DEBIT", "PAY", "NA", "INWARD", "OUTWARD"}
)
_OWN_ID = re.compile(r"(?:P[-_/ ][0-9]{1,18}|D[-_/ ][0-9]{8})[-_/ ][0-9]{1,18}(?![A-Z0-9]|[-_/.][0-9])")
_ONE_SIGN = str.maketrans("_/ ", "---")
_GOES_BEFORE = frozenset(string.ascii_uppercase + string.digits)
"""What makes an id the end of another word; a lookbehind takes twice the time."""
_TOKEN = re.compile(r"[A-Z0-9]{12,22}")


class Narration(NamedTuple):
    """What a narration says of a payment; empty where it does not say it at a place that the bank fills."""

    reference: str = ""
    """The UTR of NEFT and RTGS, the RRN of IMPS and UPI."""
    party: str = ""
    account: str = ""


NOTHING = Narration()


def read_narration(text: str) -> Narration:
    """The parts of a narration in one of the shapes that banks write; nothing of any other text."""
    found = _SHAPE.match(text)
    if found is None:
        return NOTHING
    by_number = found["way"].upper() in {"IMPS", "UPI"}
    reference, party, account = "", "", ""
    after_code = False
    for part in map(str.strip, _APART.split(text[found.end() :])):
        if not part or (upper := part.upper()) in _CODES:
            continue
        is_reference = len(part) > 11 and bool((_RRN if by_number else _UTR).fullmatch(upper))
        is_code = len(part) == 11 and bool(IFSC.fullmatch(upper))
        if is_reference and not reference:
            reference = upper
        elif not account and part[-1].isdigit() and _ACCOUNT.fullmatch(part):
            account = upper
        elif after_code and not party and not is_code and _LETTERS.search(part):
            party = part
        after_code = is_reference or is_code
    return Narration(reference, party, account)


class Named(NamedTuple):
    """What a text may name: ids of payouts and of disbursals, as this desk gives them (P-1-7, D-20260302-1; also with
    other signs between), and the bank's numbers."""

    payouts: Sequence[str]
    disbursals: Sequence[str]
    numbers: Sequence[str]


def named_in(text: str) -> Named:
    """What a text names anywhere."""
    upper = text.upper()
    ids = [
        found.group().translate(_ONE_SIGN)
        for found in _OWN_ID.finditer(upper)
        if upper[found.start() - 1 : found.start()] not in _GOES_BEFORE
    ]
    payouts, disbursals = ([name for name in ids if name[0] == kind] for kind in "PD") if ids else ((), ())
    return Named(payouts, disbursals, bank_numbers(upper))


def bank_numbers(text: str) -> list[str]:
    """What may be a UTR or RRN anywhere in a text, each once."""
    found = dict.fromkeys(_TOKEN.findall(text.upper()))
    return [token for token in found if _RRN.fullmatch(token) or _UTR.fullmatch(token)]
