"""Payment orders to the bank and statements from it, whatever file carries them."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

from tusker.domain.accounts import AccountNumber
from tusker.domain.payout.payment_modes import Mode
from tusker.messages import joined, say

Direction = Literal["credit", "debit"]
"""As the account's owner sees it: money that came in, or left."""

LONGEST_REFERENCE = 35
"""Characters of a message id and of an end-to-end id that every bank file can carry."""


BALANCE_REMARK = "The balance"
"""The beginning of a remark that a statement's balances and movements do not add up."""


@dataclass(frozen=True, slots=True)
class CreditTransfer:
    """One payout. `reference` is the end-to-end id, which the bank gives back on statements; `amount` is in minor
    units."""

    reference: str
    creditor: AccountNumber
    amount: int
    remittance: str
    mode: Mode = ""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What the bank is told to pay on one day from one account, all in one currency.

    `message_id` names the order: a bank refuses a second file with the same one, so an order sent twice is paid once.
    `created_at` is aware.
    """

    message_id: str
    created_at: datetime
    execution_date: date
    debtor: AccountNumber
    initiator: str
    currency: str
    transfers: tuple[CreditTransfer, ...]

    @property
    def total(self) -> int:
        """The sum of all transfers in minor units."""
        return sum(transfer.amount for transfer in self.transfers)

    @property
    def count(self) -> int:
        return len(self.transfers)


class Entry(NamedTuple):
    """One movement on the account as the bank booked it; a batch booking with details is one entry a transaction.

    `amount` is in minor units and more than zero. `bank_reference` is the bank's own reference, empty when it gives
    none. `batch_reference` is the id of our payment order (or its payment block) that the bank quotes, empty when it
    quotes none. `return_reason` is the bank's code and words when this gives back an earlier payment. `fingerprint`
    (64 hex digits) is the same for the same movement in overlapping statements, and differs between two movements
    that only look alike.
    """

    direction: Direction
    amount: int
    booked_on: date
    value_date: date
    bank_reference: str
    end_to_end_id: str
    batch_reference: str
    counterparty: str
    counterparty_account: str
    remittance: str
    return_reason: str | None
    fingerprint: str
    likeness: str = ""
    """What movements that look alike share, so that only a number tells them apart; empty where the bank's reference
    does."""
    instructed: int | None = None
    """The amount of the payment itself, where the bank writes that it differs from what was booked: less or more by
    its charges."""
    entry_reference: str = ""
    """The bank's reference of the batch booking of which this is a part; empty of a movement that stands alone."""

    @property
    def signed(self) -> int:
        """The amount as it changes the balance."""
        return self.amount if self.direction == "credit" else -self.amount

    @property
    def charges(self) -> int | None:
        """What the bank took: zero where it writes no other amount, None where the amounts differ the other way and no
        charges can explain it."""
        return charges_in(self.direction, self.amount, self.instructed)


def charges_in(direction: str, amount: int, instructed: int | None) -> int | None:
    """The charges inside a booked amount: more than the payment left, or less than it came in; see `Entry.charges`."""
    if instructed is None:
        return 0
    taken = instructed - amount if direction == "credit" else amount - instructed
    return taken if taken >= 0 else None


MOST_CHARGES = 10


def may_be_charges(charges: int, payment: int) -> bool:
    """Whether a bank may have taken so much for a payment; more than a tenth of it is for a person to look at."""
    return charges * MOST_CHARGES <= payment


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of one account. Balances are in minor units, negative when overdrawn, None when the bank gives
    none. `skipped` says in sentences what could not be read and where, and what does not add up."""

    reference: str
    account: str
    currency: str
    opened_on: date | None
    closed_on: date | None
    opening_balance: int | None
    closing_balance: int | None
    entries: tuple[Entry, ...]
    skipped: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    """The times between which its movements were booked; naive where the bank writes no zone."""
    account_named: bool = True
    """False when the file does not say whose account it is of and `account` is the one it was taken for."""
    doubt: str = ""
    """Why a person has to look at all of its movements: the file contradicts itself. Empty when it does not."""
    layout: str = ""
    """What tables with the same heads share; empty in other formats."""


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file as read: `format` names what it was (`camt.053.001.08`, `mt940`, `csv`); at least one statement."""

    format: str
    statements: tuple[Statement, ...]


ANSWERS: dict[str, tuple[Literal["accepted", "rejected", "open"], str]] = {
    "ACTC": ("accepted", say("technically accepted")),
    "ACCP": ("accepted", say("accepted")),
    "ACWC": ("accepted", say("accepted with a change")),
    "ACWP": ("accepted", say("accepted, not yet posted")),
    "ACFC": ("accepted", say("accepted, funds checked")),
    "ACSP": ("accepted", say("being settled")),
    "ACSC": ("accepted", say("settled on our account")),
    "ACCC": ("accepted", say("settled on the payee's account")),
    "RJCT": ("rejected", say("rejected")),
    "CANC": ("rejected", say("cancelled")),
    "BLCK": ("rejected", say("blocked")),
    "RCVD": ("open", say("received")),
    "PDNG": ("open", say("pending")),
}
"""What a bank's codes for the status of a payment mean; it may go on to say another."""


@dataclass(frozen=True, slots=True)
class PaymentAnswer:
    """What the bank says of one payment: `reference` is the end-to-end id, `status` its code (see `ANSWERS`), `amount`
    in minor units where it repeats it, `number` the bank's own of the transfer (UTR, RRN)."""

    reference: str
    status: str
    reason: str
    amount: int | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """The bank's answer to the payment order `order`, under the bank's own `reference`. `status` and `reason` hold for
    all of its payments, unless one has its own; empty where the bank says none for all."""

    format: str
    reference: str
    order: str
    status: str
    reason: str
    payments: tuple[PaymentAnswer, ...]


def answer_words(status: str) -> str:
    """The code of a status with what it means; an unknown code stands alone."""
    return joined(filter(None, (status, ANSWERS.get(status, ("", ""))[1])), " ")


ADVICES = ("camt.052", "camt.054", "mt942")
"""Formats that tell of movements before the statement of the day does."""


def is_advice(format_: str) -> bool:
    """Whether a file of this format tells of movements that a statement will list again."""
    return format_.startswith(ADVICES)


def kind_of(format_: str, layout: str) -> str:
    """The kind of message a format is, whatever its version; all tables with the same heads are one, whatever file they
    stand in."""
    kind = format_[: len("camt.053")]
    return say("table {layout}", layout=layout) if kind in TABLES else kind


TABLES = frozenset({"csv", "xls", "xlsx", "xlsb", "ods"})
"""Formats that one reader reads by the words of their heads."""


def numbered(likeness: str, number: int) -> str:
    """The fingerprint of the n-th of the movements that look alike."""
    return hashlib.sha256(f"{likeness}\x1f{number}".encode()).hexdigest()
