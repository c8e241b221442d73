"""The rows of one table as movements: what each says, what was left out, and what a person has to look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tusker.bankfiles.formats import Reading
from tusker.bankfiles.movements import LONGEST, Contradiction, Raw, Skip, finished, given, limited
from tusker.bankfiles.tables.around.account_numbers import Named
from tusker.bankfiles.tables.around.apart import LeftOut
from tusker.bankfiles.tables.around.balances import Balanced, follow
from tusker.bankfiles.tables.cells.amounts import Mark, is_nothing, read_amount
from tusker.bankfiles.tables.cells.days import Days, either_way, leaps
from tusker.bankfiles.tables.cells.sides import Figure, Sides, is_said, is_unbooked, is_unclear, said
from tusker.bankfiles.tables.checks import SIDES, Findings
from tusker.bankfiles.tables.columns.heads import Columns
from tusker.bankfiles.tables.widths import Widths
from tusker.bankfiles.texts import kept
from tusker.csv.tables import Cells, CsvRow
from tusker.domain.bank.banking import Direction, Statement
from tusker.messages import say

_MOST_DOUBTS = 3
_MOST_STATES = 6
"""Different words in a column for the status; one with more of them holds something else."""
_MONTH_FIRST = frozenset({"USD"})
_NO_FEE = frozenset({"", "na", "NA", "n/a", "N/A", "nil", "Nil", "NIL"})
_OF_MOVEMENT = (
    *("status", "currency", "bank_reference", "end_to_end_id", "counterparty", "counterparty_account"),
    *("remittance", "return_reason"),
)
_OF_BALANCE = ("balance", "balance_side", "fee")
_MONEY = ("amount", "debit", "credit")


@dataclass(slots=True)
class TableReader:
    """Reads the rows of one table, and notes what was left out and what a person has to look at."""

    columns: Columns
    rows: Sequence[CsvRow]
    reading: Reading
    mark: Mark
    layout: str = ""
    by_place: bool = False
    """Whether the table has no heads, so that only its balances bear out how its columns are read."""
    left_out: Sequence[LeftOut] = ()
    """Rows with a day and an amount that are none of `rows`."""
    period: tuple[str, str] | None = None
    """From when to when the file says that it is, as written."""
    widths: Widths = field(default_factory=Widths)
    with_fee: set[int] = field(default_factory=set)
    """The lines of rows with a fee in a column of its own."""
    days: dict[str, Days] = field(default_factory=dict)
    found: Findings = field(default_factory=Findings)
    told_apart: bool = False
    """Whether the column for the status tells movements apart, so that each of its words has to be known."""
    take: Callable[[Cells], Sequence[str]] = field(init=False)
    """The cells of a row that make its movement, see `_OF_MOVEMENT`."""
    take_days: Callable[[Cells], Sequence[str]] = field(init=False)
    take_money: Callable[[Cells], Sequence[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.take = self.columns.cells(*_OF_MOVEMENT)
        self.take_days = self.columns.cells("booked_on", "value_date")
        self.take_money = self.columns.cells(*_MONEY)

    def statement(self, account: Named | None, opening: str) -> Statement:
        number = self.number_of(account)
        sides, figures = self.sides()
        states = {*self.column("status")}
        self.told_apart = (len(states) > 1 and not all(map(is_unclear, states))) or 1 < len(
            states
        ) < _MOST_STATES
        take_balance = self.columns.cells(*_OF_BALANCE)
        raws: list[Raw] = []
        balanced: list[Balanced] = []
        turned: list[int] = []
        apart = False
        for row, figure in zip(self.rows, figures, strict=True):
            try:
                booked_on, value_date = self.days_of(row.cells)
                signed, turns = self.signed(row, figure, sides)
                raws.append(self.movement(row.cells, signed, booked_on, value_date))
            except Skip as skip:
                self.found.skip(row.line, skip)
                apart = True
                continue
            balance, side, fee = take_balance(row.cells)
            after = self.balance_of(balance, side) if balance else None
            balanced.append(Balanced(row.line, booked_on, signed, after, apart))
            turned += [row.line] * turns
            if fee and fee.strip("-0., ") not in _NO_FEE:
                self.with_fee.add(row.line)
            apart = False
        opened = self.balance_of(opening) if opening else None
        self.found.leave_sums(raws, balanced, opened)
        self.found.check_left_out(self.left_out, balanced, lambda text: abs(self.amount_of(text)[0]))
        if self.period and (booked := self.days.get("booked_on")):
            self.found.check_period(self.period, booked.month_first, balanced)
        ends = self.check(raws, balanced, opened, turned, sides)
        days = sorted(raw.booked_on for raw in raws)
        return Statement(
            reference="",
            account=kept(number, LONGEST["reference"]),
            currency=self.reading.currency,
            opened_on=days[0] if days else None,
            closed_on=days[-1] if days else None,
            opening_balance=ends[0],
            closing_balance=ends[1],
            entries=finished(raws, number),
            skipped=limited(self.found.notes),
            account_named=account is not None,
            layout=self.layout,
            doubt=kept(" ".join(self.found.doubts[:_MOST_DOUBTS]), LONGEST["reason"]),
        )

    def number_of(self, account: Named | None) -> str:
        """The number of the account; one that is shown in part only is in doubt."""
        if account and account.masked and account.number != account.masked:
            self.found.doubts.append(
                say(
                    "It shows only {masked} of the account, which was taken for {number}.",
                    masked=account.masked,
                    number=account.number,
                )
            )
        return account.number if account else self.reading.account

    def days_settled(self, currency: str) -> bool:
        """Whether one reading of the days is likelier than the other: see `leaps`, and in the currency of a country
        that writes the month first neither is."""
        judge = either_way if currency in _MONTH_FIRST else leaps
        return not any(judge(self.column(name)) for name, days in self.days.items() if not days.settled)

    def column(self, name: str) -> list[str]:
        place = self.columns.places.get(name)
        if place is None:
            return []
        return [row.cells[place] for row in self.rows if place < len(row.cells) and row.cells[place]]

    def sides(self) -> tuple[Sides, list[Figure | Skip]]:
        """How the file writes directions, and the figure of each row or why it has none."""
        figures: list[Figure | Skip] = []
        for row in self.rows:
            try:
                figures.append(self.figure(row.cells))
            except Skip as skip:
                figures.append(skip)
        read = [figure for figure in figures if isinstance(figure, Figure)]
        spoken: list[Direction | None] = [None] * len(self.rows)
        if "direction" in self.columns.places:
            spoken = [said(self.columns.cell(row.cells, "direction")) for row in self.rows]
        marked = any(spoken) or (
            "direction" in self.columns.places
            and not self.columns.two_sided
            and not any(figure.side or figure.amount < 0 or "+" in figure.text for figure in read)
        )
        if not marked and not any(is_said(text) for text in self.column("direction")):
            # a column "Type" that says NEFT or UPI says nothing of the direction
            places = {name: place for name, place in self.columns.places.items() if name != "direction"}
            self.columns = replace(self.columns, places=places)
        judged = [
            Figure(figure.amount, figure.side or way, figure.text)
            for figure, way in zip(figures, spoken, strict=True)
            if isinstance(figure, Figure)
        ]
        return Sides.of(judged, marked=marked), figures

    def figure(self, cells: Cells) -> Figure:
        """The amount of a row as written; raises `Skip` when there is none, or one on both sides."""
        amount, debit, credit = self.take_money(cells)
        if not self.columns.two_sided:
            if is_nothing(amount):
                raise Skip("no amount")
            return self.marked(amount)
        left, came_in = self.one_side(debit, "debit"), self.one_side(credit, "credit")
        if left and came_in:
            raise Contradiction("it has both a debit and a credit")
        if found := left or came_in:
            return found
        raise Skip("no amount")

    def amount_of(self, text: str) -> tuple[int, str]:
        return read_amount(text, self.mark, self.reading.currency, self.reading.exponent)

    def marked(self, text: str) -> Figure:
        amount, mark = self.amount_of(text)
        if amount == 0:
            raise Skip("its amount is zero")
        side: Direction | None = {"CR": "credit", "DR": "debit"}.get(mark)  # type: ignore[assignment]
        return Figure(amount, side, text)

    def one_side(self, text: str, side: Direction) -> Figure | None:
        if is_nothing(text):
            return None
        amount, mark = self.amount_of(text)
        if mark and mark[0].lower() != side[0]:
            raise Contradiction(
                "“{text}” stands in the column of the {side}", text=kept(text, 30), side=SIDES[side]
            )
        return Figure(amount, side, text) if amount else None

    def signed(self, row: CsvRow, figure: Figure | Skip, sides: Sides) -> tuple[int, bool]:
        """What a row adds to the balance, and whether its sign turned its side; raises `Skip`."""
        if row.line in self.widths.too_wide:
            raise Contradiction("it has more cells than there are heads")
        if isinstance(figure, Skip):
            raise figure
        words = self.columns.cell(row.cells, "direction")
        if self.columns.two_sided and words and not is_said(words):
            words = ""
        return sides.signed_amount(figure, words)

    def days_of(self, cells: Cells) -> tuple[date, date]:
        """The booking day and the value date; each stands for the other where one is missing."""
        booked, valued = self.take_days(cells)
        booked_on = None if is_nothing(booked) else self.days["booked_on"].read(booked)
        value_date = None if is_nothing(valued) else self.days["value_date"].read(valued)
        if either := booked_on or value_date:
            return either, value_date or either
        raise Skip("no date")

    def movement(self, cells: Cells, signed: int, booked_on: date, value_date: date) -> Raw:
        status, stated, reference, end_to_end, party, account, text, why = self.take(cells)
        if status and is_unbooked(status):
            raise Skip("“{text}” says that it is not booked", text=kept(status, 30))
        if status and self.told_apart and is_unclear(status):
            raise Contradiction("“{text}” does not say whether it is booked", text=kept(status, 30))
        if stated and stated.upper() != self.reading.currency:
            raise Skip(
                "it is in {stated}, not {currency}",
                stated=kept(stated.upper(), 10),
                currency=self.reading.currency,
            )
        reference, end_to_end = given(reference.lstrip("'")), given(end_to_end)
        party = kept(party, LONGEST["party"])
        account = kept(account.lstrip("'"), LONGEST["reference"])
        text = kept(self.narration(cells, text), LONGEST["remittance"])
        side: Direction = "credit" if signed > 0 else "debit"
        reason = kept(why, LONGEST["reason"]) or None
        # a "reference" of a table may be a cheque's number or a customer's: everything together tells rows apart
        identity = (reference, end_to_end, party, account, text)
        told = (reference, end_to_end, "", party, account, text)
        return Raw(side, abs(signed), booked_on, value_date, *told, reason, identity)

    def narration(self, cells: Cells, first: str) -> str:
        """All texts of a row, each once."""
        if not self.columns.narrations:
            return first
        more = (cells[place] for place in self.columns.narrations if place < len(cells))
        return " ".join(dict.fromkeys((first, *more))).strip()

    def balance_of(self, text: str, word: str = "") -> int | None:
        try:
            balance, side = self.amount_of(text)
        except Skip:
            return None
        overdrawn = side == "DR" or (not side and said(word) == "debit")
        return -abs(balance) if overdrawn else balance

    def check(
        self,
        raws: Sequence[Raw],
        rows: Sequence[Balanced],
        opening: int | None,
        turned: Sequence[int],
        sides: Sides,
    ) -> tuple[int | None, int | None]:
        """The balances at both ends; doubts where they do not bear out what its sign, its place or its head alone
        says."""
        if not rows:
            return None, None
        chain = follow(rows, opening)
        self.found.check_balances(raws, rows, chain)
        for row in rows:
            if row.line in chain.proven:
                continue
            if row.line in self.with_fee:
                self.found.doubts.append(say("Line {line} has a fee beside its amount.", line=row.line))
            # where the newest row stands first, the balance of the oldest one is borne out by those above it
            if row.line in self.widths.torn or (row.line == self.widths.cut and chain.closing is None):
                self.found.doubts.append(
                    say("Line {line} may have a comma without quotes in it, or be cut off.", line=row.line)
                )
        for line in turned:
            if line not in chain.proven:
                self.found.doubts.append(
                    say("Line {line} has a minus against its side and was read as a reversal.", line=line)
                )
        if self.columns.unsure and len(chain.proven) < max(len(rows) - 1, 1):
            self.found.doubts.append(self.columns.unsure)
        if self.by_place and len(chain.proven) < max(len(rows) - 1, 1):
            self.found.doubts.append(
                say("It has no heads, and no balances bear out how its columns were read.")
            )
        told = self.columns.two_sided or sides.needs_mark or sides.signed
        if not told and len(chain.proven) < max(len(rows) - 1, 1):
            self.found.doubts.append(
                say("Nothing in it says whether money came in or left; it was taken as money that came in.")
            )
        return chain.opening, chain.closing
