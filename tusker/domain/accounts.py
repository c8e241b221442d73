"""Numbers of bank accounts: what may be stored as one, and how much of it is shown."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from stdnum import bic as bics
from stdnum import iban as ibans
from stdnum.exceptions import ValidationError

from tusker.errors import InvalidInput
from tusker.messages import say

HOLDER_MAX = 70
"""ISO 20022 allows 140 characters for a name; many banks take 70."""
SHOWN_DIGITS = 4

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", re.ASCII)
_IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}", re.ASCII)
_INDIAN = re.compile(r"[0-9]{9,18}", re.ASCII)
_GENERIC = re.compile(r"[A-Z0-9]([A-Z0-9/.-]{0,32}[A-Z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccountNumber:
    """Where money is sent: an IBAN, or an account number with an IFSC or BIC. Made by `parse_account`."""

    holder: str
    iban: str | None = None
    account_number: str | None = None
    ifsc: str | None = None
    bic: str | None = None

    @property
    def number(self) -> str:
        """The IBAN or the account number, without spaces."""
        return self.iban or self.account_number or ""

    @property
    def routing(self) -> str:
        """The IFSC, else the BIC; empty when the IBAN says it all."""
        return self.ifsc or self.bic or ""

    def masked(self) -> str:
        """The number as events, mails and company users see it: its last four characters, of a short one fewer."""
        shown = min(SHOWN_DIGITS, len(self.number) // 2)
        return f"•••• {self.number[len(self.number) - shown :]}".rstrip()

    def digest(self, account_id: int, customer_id: int) -> str:
        """SHA-256 over all of it as a customer's account of this id, in hexadecimal digits.

        The event of its acceptance has it, and `queries/record/mismatches.sql` computes the same.
        """
        parts = (account_id, customer_id, self.holder, self.iban, self.account_number, self.ifsc, self.bic)
        whole = "\n".join("" if part is None else str(part) for part in parts)
        return hashlib.sha256(whole.encode()).hexdigest()

    def spaced(self) -> str:
        """The whole number for people to compare: an IBAN in groups of four, an account number as it is."""
        return ibans.format(self.iban) if self.iban else self.number


def parse_account(
    holder: str,
    *,
    iban: str | None = None,
    account_number: str | None = None,
    ifsc: str | None = None,
    bic: str | None = None,
) -> AccountNumber:
    """The account as people write it, normalised; raises `InvalidInput` naming the first field that cannot be."""
    name = _holder(holder)
    iban, account_number, ifsc, bic = (
        "".join((value or "").split()).upper() for value in (iban, account_number, ifsc, bic)
    )
    if not iban and not account_number:
        raise InvalidInput("Enter an IBAN or an account number.", field="iban")
    if iban and account_number:
        raise InvalidInput("Enter an IBAN or an account number, not both.", field="account_number")
    if iban and ifsc:
        raise InvalidInput("An IFSC goes with an account number, not with an IBAN.", field="ifsc")
    if iban:
        _check_iban(iban)
    if ifsc and not _IFSC.fullmatch(ifsc):
        raise InvalidInput(
            "An IFSC has 11 characters: four letters, a zero, six letters or digits.", field="ifsc"
        )
    if account_number:
        _check_account_number(account_number, ifsc, bic)
    if bic:
        _check_bic(bic)
    return AccountNumber(name, iban or None, account_number or None, ifsc or None, bic or None)


def _holder(value: str) -> str:
    name = " ".join(unicodedata.normalize("NFC", value).split())
    if not name:
        raise InvalidInput("Enter the name of the account's holder.", field="holder")
    if len(name) > HOLDER_MAX:
        raise InvalidInput(
            "The holder's name may have at most {holder_max} characters.",
            holder_max=HOLDER_MAX,
            field="holder",
        )
    if not name.isprintable() or not any(character.isalnum() for character in name):
        raise InvalidInput("The holder's name has characters that no bank takes.", field="holder")
    return name


def _check_iban(iban: str) -> None:
    if not _IBAN.fullmatch(iban):
        raise InvalidInput("An IBAN is a country code, two check digits and the account.", field="iban")
    try:
        ibans.validate(iban)
    except ValidationError as error:
        raise InvalidInput("This is no valid IBAN: {iban}.", iban=_iban_fault(iban), field="iban") from error
    # 00, 01 and 99 leave the same remainder as the digits that ISO 13616 prescribes.
    if ibans.calc_check_digits(iban) != iban[2:4]:
        raise InvalidInput("This is no valid IBAN: its check digits are wrong.", field="iban")


def _iban_fault(iban: str) -> str:
    if ibans.calc_check_digits(iban) != iban[2:4]:
        return say("its check digits do not fit; a digit is mistyped, missing or swapped")
    return say("the country {country} has none of this length and shape", country=iban[:2])


def _check_account_number(number: str, ifsc: str, bic: str) -> None:
    if ifsc:
        if not _INDIAN.fullmatch(number):
            raise InvalidInput("An account number with an IFSC has 9 to 18 digits.", field="account_number")
    elif not bic:
        raise InvalidInput("An account number needs the IFSC or the BIC of its bank.", field="ifsc")
    elif not _GENERIC.fullmatch(number):
        raise InvalidInput("An account number has 1 to 34 letters and digits.", field="account_number")
    if not number.strip("0"):
        raise InvalidInput("An account number is not only zeros.", field="account_number")


def _check_bic(bic: str) -> None:
    try:
        compact = bics.validate(bic)
    except ValidationError as error:
        raise InvalidInput(
            "A BIC has 8 or 11 characters: four letters of the bank, two of the country, two or five more.",
            field="bic",
        ) from error
    if compact != bic:
        raise InvalidInput("A BIC has letters and digits only.", field="bic")


def same_number(one: str, other: str) -> bool:
    """Whether two texts name one account: blanks, case, and zeros before a number of digits only do not count."""
    left, right = (_bare(text) for text in (one, other))
    return left != "" and left == right


def _bare(text: str) -> str:
    bare = "".join(text.split()).upper()
    return bare.lstrip("0") if bare.isdecimal() else bare
