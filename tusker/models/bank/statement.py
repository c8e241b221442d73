"""Bank statements and their entries, and what banks keep out of payments."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.bank.banking import charges_in, may_be_charges
from tusker.domain.bank.narrations import Named, named_in
from tusker.domain.status import Status, Tone
from tusker.models.columns import Code, Instant, LongText, Money, Name, Numbered, no_two, one_of


class BankStatement(Numbered):
    """One statement of a file that was imported. The same file imported again adds nothing."""

    __tablename__ = "bank_statements"
    __table_args__ = (UniqueConstraint("digest", "position"),)

    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the file."""
    position: Mapped[int]
    """Which statement of the file, from 1."""
    format: Mapped[Code]
    file_name: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(60))
    """The bank's id of the statement."""
    account: Mapped[str] = mapped_column(String(60))
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    opening_balance: Mapped[int | None] = mapped_column(BigInteger)
    closing_balance: Mapped[int | None] = mapped_column(BigInteger)
    """Minor units; negative when overdrawn."""
    starts_at: Mapped[Instant | None]
    ends_at: Mapped[Instant | None]
    """The times between which it holds what was booked, where the bank says them."""
    skipped: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default=text("'[]'"))
    """The parts that could not be read, in words."""
    layout: Mapped[str] = mapped_column(String(16), default="", server_default="")
    """What tables with the same heads share; empty in other formats, and of tables that were imported before it was
    kept."""
    doubt: Mapped[LongText] = mapped_column(server_default="")
    """Why a person has to look at each of its movements: the file contradicts itself. Empty when it does not."""
    imported_at: Mapped[Instant]
    imported_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    importer: Mapped[Name]
    """The importer in words: a user's name or the command."""


class EntryDirection(StrEnum):
    """As the account's owner sees it: money that came in, or left."""

    CREDIT = "credit"
    DEBIT = "debit"


class EntryState(Status):
    """`open` until it became a receipt or settled payouts (`matched`), was left for later (`parked`) or has nothing
    to do with loans (`dismissed`, with a reason).

    One that looks like a booked one is `in_doubt` until a person says that it is new (then `open`) or the same
    (`duplicate`).
    """

    OPEN = "open", Tone.BLUE
    MATCHED = "matched", Tone.GREEN
    PARKED = "parked", Tone.YELLOW
    DISMISSED = "dismissed", Tone.GREY
    IN_DOUBT = "in_doubt", Tone.ORANGE
    DUPLICATE = "duplicate", Tone.GREY


class StatementEntry(Numbered):
    """One movement on the lender's account as the bank booked it; batch bookings are one entry a transaction.

    `fingerprint` is the same for the same movement in overlapping statements, which is stored once.
    """

    __tablename__ = "statement_entries"
    __table_args__ = (
        one_of("direction", EntryDirection),
        one_of("state", EntryState),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("(state = 'dismissed') <= (note <> '')", name="dismissal_has_note"),
        CheckConstraint("receipt_id IS NULL OR state = 'matched'", name="receipt_is_matched"),
        Index("ix_statement_entries_state_id", "state", "id"),
        Index("ix_statement_entries_booked_on_amount", "booked_on", "amount"),
    )

    statement_id: Mapped[int] = mapped_column(ForeignKey("bank_statements.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    direction: Mapped[Code]
    amount: Mapped[Money]
    instructed_amount: Mapped[int | None] = mapped_column(BigInteger)
    """The payment itself, where the bank writes that it is not what was booked; minor units."""
    booked_on: Mapped[date]
    value_date: Mapped[date]
    bank_reference: Mapped[str] = mapped_column(String(60), index=True)
    entry_reference: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """The bank's reference of the batch booking of which this is a part; empty of a movement that stands alone."""
    end_to_end_id: Mapped[str] = mapped_column(String(60), default="", server_default="")
    batch_reference: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """The payment order that the bank quotes, where it booked a whole one at once."""
    counterparty: Mapped[str] = mapped_column(String(200), default="", server_default="")
    counterparty_account: Mapped[str] = mapped_column(String(60), default="", server_default="", index=True)
    remittance: Mapped[LongText]
    return_reason: Mapped[str | None] = mapped_column(String(300))
    """The bank's code and words when this gives back an earlier payment; NULL when it is none."""
    state: Mapped[EntryState]
    note: Mapped[str] = mapped_column(String(500), default="", server_default="")
    loans_found: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """The loans, by id, that matching considered for money that came in; NULL where it was not matched."""
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), unique=True)
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    statement: Mapped[BankStatement] = relationship(lazy="select")

    @property
    def charges(self) -> int | None:
        """What the bank took of it: zero where it writes no other amount, None where no charges explain the other."""
        return charges_in(self.direction, self.amount, self.instructed_amount)

    @property
    def named(self) -> Named:
        """What its text may name."""
        return named_in(f"{self.bank_reference} {self.remittance}")

    @property
    def payment(self) -> int:
        """The amount of the payment itself, without the bank's charges."""
        return self.instructed_amount if self.instructed_amount and self.charges else self.amount

    @property
    def received(self) -> int:
        """What its payer paid, of which the bank may have kept charges; minor units."""
        return self.payment if may_be_charges(self.charges or 0, self.payment) else self.amount


class BankCharge(Numbered):
    """What a bank kept out of a receipt, or took with a payout or out of one that came back.

    It changes neither what the payer paid nor what the supplier was paid. A contra row is negative and names what it
    undoes.
    """

    __tablename__ = "bank_charges"
    __table_args__ = (
        CheckConstraint("(receipt_id IS NULL) <> (payout_id IS NULL)", name="of_one_payment"),
        CheckConstraint("(reverses_id IS NULL) = (amount > 0) AND amount <> 0", name="amount_sign"),
        no_two("uq_bank_charges_one_reversal", "reverses_id"),
        Index("ix_bank_charges_booked_on", "booked_on", "id"),
    )

    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipts.id"), index=True)
    payout_id: Mapped[int | None] = mapped_column(ForeignKey("payouts.id"), index=True)
    statement_entry_id: Mapped[int | None] = mapped_column(ForeignKey("statement_entries.id"))
    """The statement's entry that it is a part of; NULL when a person recorded it."""
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("bank_charges.id"))
    amount: Mapped[Money]
    value_date: Mapped[date]
    booked_on: Mapped[date]
    at: Mapped[Instant]
    recorded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(500))
