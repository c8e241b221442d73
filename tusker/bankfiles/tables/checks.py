"""What a person has to look at in a table: rows that are none, days of another period, balances that do not follow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tusker.bankfiles.movements import Contradiction, Raw, Skip, twice
from tusker.bankfiles.tables.around.apart import OPENING, SUM, LeftOut, borne_out
from tusker.bankfiles.tables.around.balances import Balanced, Chain, follow
from tusker.bankfiles.tables.cells.days import Days
from tusker.messages import say

_NEAR = 10
"""Days by which a movement may lie outside of the period that its file states."""
SIDES: Mapping[str, str] = {"credit": say("credits"), "debit": say("debits")}
_LEFT_OUT: Mapping[str, str] = {
    "sum": say("a sum"),
    "opening": say("the opening balance"),
    "closing": say("the closing balance"),
}


@dataclass(slots=True)
class Findings:
    """What was left out of a table, and why a person has to look at it."""

    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def skip(self, line: int, skip: Skip) -> None:
        self.notes.append(say("Line {line}: {why}; skipped.", line=line, why=skip.message))
        if isinstance(skip, Contradiction):
            self.doubts.append(say("Line {line}: {why}.", line=line, why=skip.message))

    def leave_sums(self, raws: list[Raw], balanced: list[Balanced], opening: int | None) -> None:
        """Take out the last rows where they call themselves sums and are those of what came in or left. What its own
        balance bears out is a movement, whatever it calls itself."""
        called = [SUM.fullmatch(raw.remittance.strip(" :*-.")) is not None for raw in raws]
        if not any(called):
            return
        proven = follow(balanced, opening).proven
        called = [named and row.line not in proven for named, row in zip(called, balanced, strict=True)]
        ends = len(raws)
        while ends and called[ends - 1]:
            ends -= 1
        for at in range(ends - 1, -1, -1):
            # what leaves the balance as it is has moved nothing
            stays = at > 0 and balanced[at].balance == balanced[at - 1].balance is not None
            if called[at] and stays:
                self.notes.append(say("Line {line}: it calls itself a sum; skipped.", line=balanced[at].line))
                del raws[at], balanced[at]
                ends -= 1
            elif called[at]:
                self.doubts.append(say("Line {line} calls itself a sum.", line=balanced[at].line))
        for place in range(len(raws) - 1, ends - 1, -1):
            raw, line = raws[place], balanced[place].line
            if raw.amount == sum(each.amount for each in raws[:ends] if each.direction == raw.direction):
                self.notes.append(
                    say(
                        "Line {line}: it is the sum of the {side}; skipped.",
                        line=line,
                        side=SIDES[raw.direction],
                    )
                )
                del raws[place], balanced[place]
            else:
                self.doubts.append(
                    say(
                        "Line {line} calls itself a sum, but is not that of the {side}.",
                        line=line,
                        side=SIDES[raw.direction],
                    )
                )

    def check_left_out(
        self, left_out: Sequence[LeftOut], balanced: Sequence[Balanced], read: Callable[[str], int]
    ) -> None:
        """Name the rows with a day and an amount that were left out, and doubt those that nothing bears out."""
        since = 0
        for left in left_out:
            what = _LEFT_OUT[left.kind]
            self.notes.append(say("Line {line}: it calls itself {what}; skipped.", line=left.line, what=what))
            if not borne_out(left, balanced, since, read):
                self.doubts.append(
                    say(
                        "Line {line} calls itself {what}, which the other rows do not bear out.",
                        line=left.line,
                        what=what,
                    )
                )
            since = left.line if left.kind == "sum" else since

    def check_period(self, period: tuple[str, str], month_first: bool, rows: Sequence[Balanced]) -> None:
        """Days far outside of the period that the file states were read wrongly, or are of another file."""
        written = Days(month_first=month_first)
        try:
            first, last = (written.read(text) for text in period)
        except Skip:
            return
        near = timedelta(days=_NEAR)
        out = next((row for row in rows if not first - near <= row.day <= last + near), None)
        if out and first <= last:
            self.doubts.append(
                say(
                    "Line {line} is of {day}, but the file says that it is from {first} to {last}.",
                    line=out.line,
                    day=out.day.isoformat(),
                    first=period[0],
                    last=period[1],
                )
            )

    def check_balances(self, raws: Sequence[Raw], rows: Sequence[Balanced], chain: Chain) -> None:
        """Note where balances do not follow; doubt what they speak against, and what is listed twice."""
        if chain.broken:
            self.notes.insert(
                0, say("The balance column does not follow from the rows; a row may be missing.")
            )
        for line in chain.opposed:
            self.doubts.append(say("The balance says the opposite of what line {line} says.", line=line))
        listed: set[tuple[Raw, int | None]] = set()
        for row, raw in zip(rows, raws, strict=True):
            if chain.broken:
                if (raw, row.balance) in listed:
                    self.doubts.append(say("Line {line} repeats a line before it.", line=row.line))
                listed.add((raw, row.balance))
            if row.line in chain.proven:
                continue
            if row.balance is not None and abs(row.balance) == raw.amount and OPENING.search(raw.remittance):
                self.doubts.append(say("Line {line} may only carry the balance over.", line=row.line))
        unproven = (raw for raw, row in zip(raws, rows, strict=True) if row.line not in chain.proven)
        self.doubts += filter(None, [twice(zip(unproven))])
