"""Column types and mixins that several tables share."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    Text,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from tusker.domain.credit.limits import LimitUse
from tusker.domain.terms import TERM_FIELDS, Terms
from tusker.extensions import Base

Id = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Money = Annotated[int, mapped_column(BigInteger)]
"""Minor units of the installation's currency."""
Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Rate = Annotated[Decimal, mapped_column(Numeric(9, 6))]
"""A fraction: 0.18 is 18 %."""
Code = Annotated[str, mapped_column(String(40))]
Name = Annotated[str, mapped_column(String(120))]
LongText = Annotated[str, mapped_column(Text)]


class Numbered(Base):
    """A row with a number of its own."""

    __abstract__ = True

    id: Mapped[Id] = mapped_column(sort_order=-1)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A CHECK that `column` holds one of these codes, such as a StrEnum's."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def no_two(name: str, *columns: str, where: str | None = None) -> Index:
    """A unique index: no two rows, of those of which `where` holds, have the same in these columns."""
    return Index(name, *columns, unique=True, postgresql_where=where)


def searched(table: str, column: str) -> Index:
    """An index by which parts of a column's text are found."""
    ops = {column: "gin_trgm_ops"}
    return Index(f"ix_{table}_{column}_search", column, postgresql_using="gin", postgresql_ops=ops)


def terms_check() -> CheckConstraint:
    """The bounds of `tusker.domain.terms.Terms`, kept by the database too (migrations/sql/functions/)."""
    return CheckConstraint(f"terms_valid({', '.join(TERM_FIELDS)})", name="terms_valid")


def limit_checks() -> tuple[CheckConstraint, ...]:
    """No CHECK on used <= limit: a limit may be lowered below what is used."""
    return (
        CheckConstraint("limit_amount >= 0", name="limit_not_negative"),
        CheckConstraint("used_amount >= 0", name="used_not_negative"),
        CheckConstraint("waiting_amount >= 0", name="waiting_not_negative"),
    )


class Leased:
    """A row that one worker has for a while."""

    claimed_until: Mapped[Instant | None]
    """Until when a worker has it; after that another one may take it over."""
    claimed_by: Mapped[str | None] = mapped_column(String(100))
    """The job that has it, which may go on with it when it is done again after it was killed, and after a slash which
    run of it."""


class SentFile(Leased):
    """A file that a person sent in, for a worker to read."""

    id: Mapped[Id]
    file_name: Mapped[str] = mapped_column(String(200))
    words: Mapped[LongText] = mapped_column(default="", server_default="")
    """What came of it: why it was refused, or who cancelled it."""
    sent_at: Mapped[Instant]
    sent_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sender: Mapped[Name]
    settled_at: Mapped[Instant | None]


class DebtParts:
    """A row that lowers what is owed on a loan from its value date on, by component in minor units."""

    value_date: Mapped[date]
    booked_on: Mapped[date]
    penalty: Mapped[Money]
    fee: Mapped[Money]
    interest: Mapped[Money]
    principal: Mapped[Money]

    @hybrid_property
    def total(self) -> int:
        """By how much it lowers what is owed."""
        return self.penalty + self.fee + self.interest + self.principal


class LimitColumns:
    """A limit with what is used of it: of a company on one side, or of a credit line."""

    limit_amount: Mapped[Money]
    used_amount: Mapped[Money] = mapped_column(default=0, server_default="0")
    waiting_amount: Mapped[Money] = mapped_column(default=0, server_default="0")
    """What requests on the waiting list hold of the limit; whoever asks later cannot have it."""

    @property
    def use(self) -> LimitUse:
        """The limit with what is used of it and what waits for it."""
        return LimitUse(self.limit_amount, self.used_amount, self.waiting_amount)


class TermsColumns:
    """The terms as columns: defaults on a supplier, agreed on a credit line, frozen on an invoice."""

    advance_rate: Mapped[Rate]
    apr: Mapped[Rate]
    tenor_days: Mapped[int]
    day_count: Mapped[Code]
    interest_method: Mapped[Code]
    fee_flat: Mapped[Money]
    fee_rate: Mapped[Rate]
    grace_days: Mapped[int]
    penal_rate: Mapped[Rate]
    interest_timing: Mapped[Code] = mapped_column(String(40), server_default="arrears")
    fee_min: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fee_max: Mapped[int | None] = mapped_column(BigInteger)
    recourse_days: Mapped[int | None]
    due_convention: Mapped[Code] = mapped_column(String(40), server_default="none")
    collection: Mapped[Code] = mapped_column(String(40), server_default="debt")

    @property
    def terms(self) -> Terms:
        return terms_of(self)


def terms_of(row: Any) -> Terms:
    """The terms of anything that has their columns: a model, or a row of a query."""
    return terms_from(*(getattr(row, name) for name in TERM_FIELDS))


@lru_cache(maxsize=1000)
def terms_from(*values: object) -> Terms:
    """The terms of the values of `TERM_FIELDS`, made once of the same ones: thousands of rows share theirs."""
    return Terms.of(dict(zip(TERM_FIELDS, values, strict=True)))
