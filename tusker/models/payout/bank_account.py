"""Bank accounts that suppliers are paid to."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.accounts import AccountNumber
from tusker.domain.status import Status, Tone
from tusker.models.columns import Instant, Name, Numbered, no_two, one_of
from tusker.models.credit.customer import Customer


class BankAccountState(Status):
    """`active` until it is `replaced` by a later one."""

    ACTIVE = "active", Tone.GREEN
    REPLACED = "replaced", Tone.GREY


class BankAccount(Numbered):
    """An account of a supplier: an IBAN, or an account number with an IFSC or BIC. Its numbers never change: a change
    is a new row, and the event that it came with has its digest. At most one of a customer is active."""

    __tablename__ = "bank_accounts"
    __table_args__ = (
        one_of("state", BankAccountState),
        CheckConstraint("btrim(holder) <> ''", name="holder_not_blank"),
        CheckConstraint(
            "(iban IS NULL) <> (account_number IS NULL) AND (iban IS NOT NULL OR ifsc IS NOT NULL OR bic IS NOT NULL)",
            name="number_complete",
        ),
        CheckConstraint(
            "NOT second_admin OR decided_by IS NOT NULL AND proposed_by IS NOT NULL AND decided_by <> proposed_by",
            name="maker_is_not_approver",
        ),
        no_two("uq_bank_accounts_one_active", "customer_id", where="state = 'active'"),
        Index("ix_bank_accounts_customer_id", "customer_id", "id"),
    )

    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    holder: Mapped[Name]
    iban: Mapped[str | None] = mapped_column(String(34))
    account_number: Mapped[str | None] = mapped_column(String(34))
    ifsc: Mapped[str | None] = mapped_column(String(11))
    bic: Mapped[str | None] = mapped_column(String(11))
    state: Mapped[BankAccountState]
    second_admin: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Whether another admin than who proposed it accepted it."""
    proposed_at: Mapped[Instant]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[Instant]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    customer: Mapped[Customer] = relationship(lazy="select")

    @property
    def account(self) -> AccountNumber:
        return AccountNumber(self.holder, self.iban, self.account_number, self.ifsc, self.bic)

    @property
    def digest(self) -> str:
        """What must be as it was when the account was accepted."""
        return self.account.digest(self.id, self.customer_id)
