"""One statement, report or notification of a camt message: its account, balances and booked entries."""

from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from xml.etree.ElementTree import Element

from tusker.bankfiles.camt.amounts import Amounts
from tusker.bankfiles.camt.details import (
    Details,
    batch_of,
    is_return,
    read_details,
    reason_of,
    transactions_of,
)
from tusker.bankfiles.camt.values import day_of, day_or_none, direction_of, moment_of, read_day
from tusker.bankfiles.hardened import all_at, first_text
from tusker.bankfiles.movements import (
    LONGEST,
    Contradiction,
    Raw,
    Skip,
    balance_note,
    finished,
    given,
    is_count,
    limited,
    sums_note,
    twice,
)
from tusker.bankfiles.texts import kept
from tusker.domain.bank.banking import Direction, Statement, charges_in
from tusker.domain.money import to_major
from tusker.messages import say

_MAX_BALANCES = 50
_NOT_BOOKED = {"PDNG": say("pending"), "INFO": say("for information"), "FUTR": say("in the future")}
CHARGES = say("bank charges of the entry")


@dataclass(slots=True)
class StatementReader:
    """Reads one statement and notes what was left out."""

    element: Element
    currency: str
    exponent: int
    amounts: Amounts = field(init=False)
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """The notes about failures, not those about what is rightly left out."""

    contradiction: str = ""
    """Why an entry or the statement contradicts itself, if one does."""
    booked: list[Raw] = field(default_factory=list)
    """The bank's own entries, before they are split into their parts."""
    balanced: bool = False
    """Whether balances at both ends bear out the directions of all entries."""
    day: date | None = None
    """The statement's own, for entries without a date: its last, or that of its closing balance or making."""

    def __post_init__(self) -> None:
        own = (self.element.findtext("Acct/Ccy") or "").strip() or self.currency
        self.amounts = Amounts(self.currency, self.exponent, own)

    def statement(self) -> Statement:
        account = self.account()
        closing, closing_day = self.balance("CLBD")
        opening, opening_day = self.balance("OPBD", "PRCD")
        self.balanced = opening is not None and closing is not None
        closed_on = self.day_or_none("FrToDt/ToDtTm", "FrToDt/ToDt") or closing_day
        self.day = closed_on or self.day_or_none("CreDtTm", "CreDt")
        listed: list[tuple[Raw, ...]] = []
        for number, entry in enumerate(self.element.iterfind("Ntry"), 1):
            listed.append(tuple(self.entry(number, entry)))
            # what was read is given back: the elements of a large file take far more memory than what they say
            entry.clear()
        entries = finished([*chain.from_iterable(listed)], account)
        doubt = balance_note(opening, closing, entries, self.exponent)
        if doubt:
            self.notes.insert(0, doubt)
        doubt = (
            doubt
            or self.contradiction
            or ("" if self.balanced else self.sums_doubt() or twice(filter(None, listed)))
        )
        return Statement(
            reference=kept(self.element.findtext("Id"), LONGEST["reference"]),
            account=account,
            currency=self.currency,
            opened_on=self.day_or_none("FrToDt/FrDtTm", "FrToDt/FrDt") or opening_day,
            closed_on=closed_on,
            opening_balance=opening,
            closing_balance=closing,
            entries=entries,
            skipped=limited(self.notes),
            starts_at=moment_of(self.element.findtext("FrToDt/FrDtTm")),
            ends_at=moment_of(self.element.findtext("FrToDt/ToDtTm")),
            account_named=bool(account),
            doubt=kept(doubt, LONGEST["reason"]),
        )

    def sums_doubt(self) -> str:
        """Why the sums of the summary are not those of the entries; nothing where some were left out."""
        came_in, left = (self.element.findtext(f"TxsSummry/Ttl{side}Ntries/Sum") for side in ("Cdt", "Dbt"))
        return "" if self.notes else sums_note(came_in, left, self.booked, self.exponent)

    def fail(self, note: str) -> None:
        self.notes.append(note)
        self.unread.append(note)

    def account(self) -> str:
        number = first_text(
            self.element, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/BBAN", "Acct/Id/PrtryAcct/Id"
        )
        if not number:
            self.notes.append(say("The statement does not say whose account it is of."))
        return kept(number, LONGEST["reference"])

    def balance(self, *codes: str) -> tuple[int | None, date | None]:
        """The first balance of these kinds, signed, with its day."""
        balances = list(islice(self.element.iterfind("Bal"), _MAX_BALANCES))
        for code in codes:
            for element in balances:
                if first_text(element, "Tp/CdOrPrtry/Cd", "Tp/Cd") == code:
                    return self.balance_amount(code, element), day_or_none(element, "Dt")
        return None, None

    def balance_amount(self, code: str, element: Element) -> int | None:
        try:
            amount, direction = self.amounts.read(element.find("Amt")), direction_of(element)
        except Skip as skip:
            self.notes.append(say("Balance {code}: {why}; left out.", code=code, why=skip.message))
            return None
        return amount if direction == "credit" else -amount

    def day_or_none(self, *paths: str) -> date | None:
        for path in paths:
            try:
                if text := self.element.findtext(path):
                    return read_day(text)
            except Skip:
                continue
        return None

    def entry(self, number: int, element: Element) -> list[Raw]:
        """The movements of one entry; none when it is not booked or cannot be read, with a note."""
        status = (first_text(element, "Sts/Cd", "Sts/Prtry", "Sts") or "BOOK").strip()
        if status != "BOOK":
            words = _NOT_BOOKED.get(status, say("not booked"))
            self.notes.append(
                say(
                    "Entry {number}: {words} ({status}); left out.",
                    number=number,
                    words=words,
                    status=kept(status, 20),
                )
            )
            return []
        try:
            whole = self.whole(element)
        except Skip as skip:
            self.fail(say("Entry {number}: {why}; skipped.", number=number, why=skip.message))
            if isinstance(skip, Contradiction):
                self.contradiction = say("Entry {number}: {why}.", number=number, why=skip.message)
            return []
        self.booked.append(whole)
        details = transactions_of(element)
        if len(details) == 1 and not _counts_more(element):
            return [self.only(number, element, whole, details[0])]
        if len(details) <= 1:
            return [
                whole._replace(instructed=self.amounts.instructed(whole.direction, whole.amount, element))
            ]
        try:
            return self.split(element, whole)
        except Skip as skip:
            self.notes.append(say("Entry {number}: {why}; kept as one.", number=number, why=skip.message))
            return [self.together(whole, details)]

    def only(self, number: int, element: Element, whole: Raw, detail: Element) -> Raw:
        """An entry with what its only transaction says. Another amount there is that of the payment itself, before
        charges; who paid, what for and why it came back hold all the same."""
        details = read_details(detail, whole.direction)
        if self.turned(detail, whole.direction) and not (whole.return_reason or details.return_reason):
            self.notes.append(
                say(
                    "Entry {number}: its only transaction goes the other way; kept without it.", number=number
                )
            )
            self.contradiction = self.contradiction if self.balanced else self.notes[-1]
            return whole
        instructed = self.amounts.instructed(whole.direction, whole.amount, detail, element)
        if charges_in(whole.direction, whole.amount, instructed) is None:
            told = f"{to_major(instructed or 0, self.exponent):.{self.exponent}f}"
            self.notes.append(
                say(
                    "Entry {number}: its only transaction is of {amount}, which charges cannot explain.",
                    number=number,
                    amount=told,
                )
            )
        return details.merged(whole, instructed=instructed)

    def turned(self, detail: Element, direction: Direction) -> bool:
        """Whether a transaction says that it goes the other way than its entry."""
        try:
            return detail.find("CdtDbtInd") is not None and direction_of(detail) != direction
        except Skip:
            return True

    def together(self, whole: Raw, details: list[Element]) -> Raw:
        """A batch that cannot be split, with what its transactions name, unless one of them goes the other way."""
        if any(self.turned(detail, whole.direction) for detail in details):
            return whole
        read = [read_details(detail, whole.direction) for detail in details]
        words = " ".join(word for each in read for word in (each.end_to_end_id, each.remittance) if word)
        reasons = [each.return_reason for each in read if each.return_reason]
        try:
            total = sum(self.amounts.of_detail(detail) for detail in details)
        except Skip:
            total = whole.amount
        return whole._replace(
            remittance=kept(words, LONGEST["remittance"]) or whole.remittance,
            return_reason=whole.return_reason or (reasons[0] if reasons else None),
            instructed=None if total == whole.amount else total,
        )

    def whole(self, element: Element) -> Raw:
        """An entry without its details."""
        amount = self.amounts.read(element.find("Amt"))
        if amount == 0:
            raise Skip("its amount is zero")
        direction = direction_of(element)
        # both dates are optional in the schema: then the statement's own serve
        booked = day_of(element, "BookgDt") or day_of(element, "ValDt") or self.day
        if booked is None:
            raise Skip("no date")
        service, own = given(element.findtext("AcctSvcrRef")), given(element.findtext("NtryRef"))
        remittance = kept(element.findtext("AddtlNtryInf"), LONGEST["remittance"])
        reason = reason_of(element) or (say("reversed by the bank") if is_return(element) else None)
        # a reference that only counts the statement's entries is another one in the next statement
        unique = service or ("" if is_count(own) else own)
        return Raw(
            direction=direction,
            amount=amount,
            booked_on=booked,
            value_date=day_or_none(element, "ValDt") or booked,
            bank_reference=service or own,
            batch_reference=batch_of(element),
            remittance=remittance,
            return_reason=reason,
            identity=(unique,) if unique else ("", "", "", "", remittance),
        )

    def split(self, element: Element, whole: Raw) -> list[Raw]:
        """A batch booking as its transactions; raises `Skip` unless their amounts make the batch's exactly, with the
        charges that the bank names as a movement of their own."""
        parts: list[Raw] = []
        for block in element.findall("NtryDtls") or [element]:
            batch = batch_of(block) or whole.batch_reference
            for detail in block.iterfind("TxDtls"):
                amount, direction = self.amounts.of_detail(detail), whole.direction
                if detail.find("CdtDbtInd") is not None:
                    direction = direction_of(detail)
                made: Details = read_details(detail, direction)
                instructed = self.amounts.instructed(direction, amount, detail)
                parts.append(
                    made.merged(whole, amount=amount, instructed=instructed, direction=direction, batch=batch)
                )
        total = sum(part.amount if part.direction == whole.direction else -part.amount for part in parts)
        taken = charges_in(whole.direction, whole.amount, total)
        if taken and taken == self.amounts.charges(element, included=False):
            identity = (whole.identity[0] if whole.identity else "", CHARGES)
            parts.append(
                whole._replace(direction="debit", amount=taken, remittance=CHARGES, identity=identity)
            )
        elif taken != 0:
            raise Skip("its {n} details do not add up to its amount", n=len(parts))
        return parts


def _counts_more(element: Element) -> bool:
    """Whether the bank says that there are more transactions than it shows."""
    paths = ("NtryDtls/Btch/NbOfTxs", "Btch/NbOfTxs")
    counts = [(count.text or "").strip() for path in paths for count in all_at(element, path)]
    return any(count.isdecimal() and count.lstrip("0") not in {"", "1"} for count in counts)
