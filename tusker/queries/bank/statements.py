"""Bank statements as pages show them: the list with what is left to do, one statement, and its entries."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Row, Select, case, cast, func, literal, select

from tusker.domain.bank.banking import BALANCE_REMARK
from tusker.errors import NotFound, existing
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    BankStatement,
    Customer,
    EntryDirection,
    EntryState,
    Payout,
    Receipt,
    StatementEntry,
    StatementProfile,
    StatementUpload,
    UploadState,
)
from tusker.queries.columns import columns_of
from tusker.queries.paging import NEWEST, Cursor, rows_of_page
from tusker.queries.sums import Totals, totals_of

TO_LOOK_AT = (EntryState.OPEN, EntryState.IN_DOUBT)
MOST_UNCLEAR = 20
PUT_AWAY = (EntryState.DISMISSED, EntryState.DUPLICATE)


@dataclass(frozen=True, slots=True)
class StatementRow:
    """An imported statement with counts of its entries and its sums; money in minor units."""

    id: int
    format: str
    file_name: str
    reference: str
    account: str
    opened_on: date | None
    closed_on: date | None
    opening_balance: int | None
    closing_balance: int | None
    skipped: Sequence[str]
    doubt: str
    imported_at: datetime
    importer: str
    entries: int
    open: int
    parked: int
    settled: int
    """Matched with payouts."""
    accepted: int
    """Became receipts."""
    dismissed: int
    money_in: int
    money_out: int

    @property
    def name(self) -> str:
        return self.reference or self.file_name or f"#{self.id}"

    @property
    def unbalanced(self) -> Sequence[str]:
        """Remarks that its balances and movements do not add up."""
        return [note for note in self.skipped if note.startswith(BALANCE_REMARK)]

    @property
    def remarks(self) -> Sequence[str]:
        """The other remarks: what could not be read, or only with a doubt."""
        return [note for note in self.skipped if not note.startswith(BALANCE_REMARK)]

    @property
    def done(self) -> int:
        """Entries that are done with, except those of payouts."""
        return self.accepted + self.dismissed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a matched entry became: the payouts it settled, or the receipt and who paid."""

    payouts: Sequence[Payout] = ()
    receipt: str = ""
    customer_id: int | None = None
    customer: str = ""


@dataclass(frozen=True, slots=True)
class EntriesToDo:
    """How many entries wait for a decision, and how many were left for later."""

    open: int
    parked: int


def statements_page(*, cursor: Cursor = NEWEST, limit: int | None = None) -> list[StatementRow]:
    """Imported statements, the newest first."""
    return _rows(rows_of_page(_statements(), BankStatement.id, cursor, limit))


def statements_totals() -> Totals:
    return totals_of(select(BankStatement.id), BankStatement.id)


def statement_row(statement_id: int) -> StatementRow:
    """One statement; raises `NotFound`."""
    rows = _rows(db.session.execute(_statements().where(BankStatement.id == statement_id)))
    if not rows:
        raise NotFound("This statement does not exist.")
    return rows[0]


def uploaded(upload_id: int) -> StatementUpload:
    """A large file that was sent in; raises `NotFound`."""
    return existing(db.session.get(StatementUpload, upload_id), say("upload"))


def unclear_uploads() -> Sequence[StatementUpload]:
    """Files that wait for a person to say what their columns are, the oldest first."""
    return db.session.scalars(
        select(StatementUpload)
        .where(StatementUpload.state == UploadState.UNCLEAR)
        .order_by(StatementUpload.id)
        .limit(MOST_UNCLEAR)
    ).all()


def content_of(upload: StatementUpload) -> bytes:
    """The bytes of a file that waits; none of one that was read or given up."""
    return db.session.scalar(select(StatementUpload.content).where(StatementUpload.id == upload.id)) or b""


def statement_profiles() -> Sequence[StatementProfile]:
    """What persons said of tables whose heads are not known, the latest first."""
    return db.session.scalars(select(StatementProfile).order_by(StatementProfile.id.desc())).all()


def entries_page(
    statement_id: int,
    show: str,
    *,
    cursor: Cursor = NEWEST,
    limit: int | None = None,
) -> list[StatementEntry]:
    """Entries of a statement, the last one first. `show` is `open`, `parked`, `payouts` (settled) or `done`."""
    is_receipt = StatementEntry.receipt_id.is_not(None)
    condition = {
        "open": StatementEntry.state.in_(TO_LOOK_AT),
        "parked": StatementEntry.state == EntryState.PARKED,
        "payouts": (StatementEntry.state == EntryState.MATCHED) & ~is_receipt,
        "done": is_receipt | StatementEntry.state.in_(PUT_AWAY),
    }[show]
    query = select(StatementEntry).where(StatementEntry.statement_id == statement_id, condition)
    return [entry for (entry,) in rows_of_page(query, StatementEntry.id, cursor, limit)]


def statement_of_entry(entry_id: int) -> tuple[int, str]:
    """The statement that an entry stands on and the entry's state; raises `NotFound`."""
    row = existing(
        db.session.execute(
            select(StatementEntry.statement_id, StatementEntry.state).where(StatementEntry.id == entry_id)
        ).one_or_none(),
        say("statement entry"),
    )
    return row.statement_id, row.state


def outcomes_of(entries: Collection[StatementEntry]) -> dict[int, Outcome]:
    """What matched entries became, by entry id; two queries, whatever their number."""
    matched = {entry.id: entry.receipt_id for entry in entries if entry.state == EntryState.MATCHED}
    if not matched:
        return {}
    payouts: dict[int | None, list[Payout]] = {}
    for payout in db.session.scalars(select(Payout).where(Payout.statement_entry_id.in_(matched))):
        payouts.setdefault(payout.statement_entry_id, []).append(payout)
    receipt_ids = {receipt_id for receipt_id in matched.values() if receipt_id is not None}
    receipts = {
        row.id: row
        for row in db.session.execute(
            select(Receipt.id, Receipt.bank_reference, Receipt.customer_id, Customer.name)
            .join(Customer, Customer.id == Receipt.customer_id)
            .where(Receipt.id.in_(receipt_ids))
        )
    }
    found = {}
    for entry_id, receipt_id in matched.items():
        row = receipts.get(receipt_id) if receipt_id is not None else None
        found[entry_id] = (
            Outcome(payouts.get(entry_id, ()))
            if row is None
            else Outcome((), row.bank_reference, row.customer_id, row.name)
        )
    return found


def entries_to_do() -> EntriesToDo:
    """Entries of all statements that wait."""
    counts: dict[str, int] = {
        row.state: row.number
        for row in db.session.execute(
            select(StatementEntry.state, func.count().label("number"))
            .where(StatementEntry.state.in_([*TO_LOOK_AT, EntryState.PARKED]))
            .group_by(StatementEntry.state)
        )
    }
    return EntriesToDo(sum(counts.get(state, 0) for state in TO_LOOK_AT), counts.get(EntryState.PARKED, 0))


def _statements() -> Select[*tuple[Any, ...]]:
    """Statements with their counts, which are read for the rows of a page only."""
    state, receipt = StatementEntry.state, StatementEntry.receipt_id
    booked = state.not_in([EntryState.IN_DOUBT, EntryState.DUPLICATE])
    is_credit = StatementEntry.direction == EntryDirection.CREDIT
    signed = case((booked & is_credit, StatementEntry.amount), else_=0)
    paid_out = case((booked & ~is_credit, StatementEntry.amount), else_=0)
    counts = (
        select(
            func.count().label("entries"),
            func.count().filter(state.in_(TO_LOOK_AT)).label("open"),
            func.count().filter(state == EntryState.PARKED).label("parked"),
            func.count().filter(state == EntryState.MATCHED, receipt.is_(None)).label("settled"),
            func.count().filter(receipt.is_not(None)).label("accepted"),
            func.count().filter(state.in_(PUT_AWAY)).label("dismissed"),
            cast(func.coalesce(func.sum(signed), 0), BigInteger).label("money_in"),
            cast(func.coalesce(func.sum(paid_out), 0), BigInteger).label("money_out"),
        )
        .where(StatementEntry.statement_id == BankStatement.id)
        .lateral("counts")
    )
    columns = columns_of(BankStatement, StatementRow)
    return select(*columns, *counts.c).select_from(BankStatement).join(counts, literal(True))


def _rows(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[StatementRow]:
    return [StatementRow(**row._mapping) for row in rows]
