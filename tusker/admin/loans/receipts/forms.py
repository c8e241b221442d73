"""The forms of receipts, and the sheet on which a receipt is allocated."""

from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from tusker.admin.loans.deductions.forms import KINDS as DEDUCTION_KINDS
from tusker.admin.loans.deductions.forms import kind_and_dispute
from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.allocation import check_allocation
from tusker.errors import InvalidInput
from tusker.messages import joined, say
from tusker.queries.loans.receipts.allocations import LoanFace
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.receipts.proposal import ProposedLine, ReceiptProposal
from tusker.services.loans.receipts.spreading import lay_rest
from tusker.services.reasons import LONGEST_REASON
from tusker.web.forms.fields import (
    AnyId,
    AnyOf,
    DayField,
    IdField,
    MoneyField,
    ReasonField,
    SearchField,
    TextField,
)
from tusker.web.forms.form import FilterForm, Form

PARTS = ("penalty", "fee", "interest", "principal")
STATES = [
    ("credit", say("With credit left")),
    ("payment", say("Payments")),
    ("reversed", say("Undone payments")),
    ("reversal", say("Reversals")),
    ("refund", say("Refunds")),
    ("returned", say("Refunds that came back")),
    ("owed", say("Owed back by the customer")),
]


class ReceiptFilter(FilterForm):
    """Which receipts are shown; give it the choices of customers."""

    q = SearchField(say("Reference or customer"))
    state = AnyOf(say("Show"), choices=STATES)
    customer_id = AnyId(say("Customer"))


class ReceiptForm(Form):
    """Recording a receipt; give it the choices of customers."""

    customer_id = IdField(say("Customer"), empty=say("Choose who paid"), choices=[])
    amount = MoneyField(say("Amount"), description=say("All that came in with this reference."))
    value_date = DayField(
        say("Value date"), description=say("The day the money came in; amounts owed are of this day.")
    )
    bank_reference = TextField(
        say("Bank reference"),
        max_length=60,
        description=say("As on the bank statement; once for each payer. What it names is paid first."),
    )
    charges = MoneyField(
        say("Bank charges"), required=False, allow_zero=True, description=say("What the bank deducted.")
    )


class RefundForm(Form):
    amount = MoneyField(say("Amount"))
    bank_reference = TextField(say("Bank reference"), max_length=60, description=say("Of the transfer back."))
    value_date = DayField(say("Value date"), description=say("The day the money left."))


class CreditNoteForm(Form):
    number = TextField(say("Credit note number"), max_length=60)
    amount = MoneyField(say("Amount"), description=say("By how much the invoice is worth less."))
    reason = ReasonField()


@dataclass(slots=True)
class TypedDeduction:
    """What was typed of a deduction of one invoice; `kept` is what it says, None for nothing."""

    invoice_id: int
    kind: str = ""
    amount: str = ""
    number: str = ""
    reason: str = ""
    kept: KeptBack | None = None
    problem: str | None = None

    @property
    def is_typed(self) -> bool:
        return bool(self.kind or self.amount or self.number or self.reason)


def typed_deductions(form: MultiDict[str, str]) -> dict[int, TypedDeduction]:
    """The deductions of a sent form, by invoice id: fields such as `kept_amount_12`."""
    found = {}
    for name in form:
        key = name.removeprefix("kept_amount_")
        if key != name and key.isdecimal() and len(key) < 19:
            kind, amount, number, reason = (
                form.get(f"kept_{part}_{key}", "").strip()[:LONGEST_REASON]
                for part in ("kind", "amount", "number", "reason")
            )
            found[int(key)] = _read_deduction(TypedDeduction(int(key), kind, amount, number, reason))
    return found


def _read_deduction(typed: TypedDeduction) -> TypedDeduction:
    if not typed.is_typed:
        return typed
    try:
        amount = currency().parse(typed.amount, field="amount")
    except InvalidInput as error:
        typed.problem = say("kept back: {message}", message=error.message)
        return typed
    if typed.kind not in dict(DEDUCTION_KINDS):
        typed.problem = say("Choose why it is kept back.")
        return typed
    kind, disputed = kind_and_dispute(typed.kind)
    typed.kept = KeptBack(typed.invoice_id, kind, amount, typed.number, typed.reason, disputed)
    return typed


@dataclass(slots=True)
class SheetRow:
    """A loan on the sheet: what is owed of each part, what was typed, and what is wrong with it."""

    line: ProposedLine
    face: LoanFace
    typed: dict[str, str]
    split: Split
    problem: str | None = None
    kept: TypedDeduction | None = None
    """What is kept back of it; None where the payer is not its purchaser."""

    @property
    def fields(self) -> dict[str, tuple[str, str, int]]:
        """For each part that is owed: the input's name, its text and what is owed of it in minor units."""
        return {
            part: (input_name(self.line.loan_id, part), self.typed[part], getattr(self.line.due, part))
            for part in PARTS
            if getattr(self.line.due, part)
        }


@dataclass(slots=True)
class Sheet:
    """How a receipt is allocated; money in minor units. `mark` says for what it was proposed."""

    mark: str
    amount: int
    proposal: ReceiptProposal
    rows: list[SheetRow]
    further: list[SheetRow]
    others: list[SheetRow]
    written_off: list[SheetRow]
    passed_on: int = 0
    """What of it is the suppliers', beyond the debts that it pays off."""

    @property
    def everything(self) -> list[SheetRow]:
        return [*self.rows, *self.further, *self.others, *self.written_off]

    @property
    def wanted(self) -> list[Split]:
        nothing = (0,) * len(PARTS)
        return [row.split for row in self.everything if parts_of(row.split) != nothing]

    @property
    def allocated(self) -> int:
        return sum(row.split.total for row in self.everything)

    @property
    def left_over(self) -> int:
        """What would be the customer's credit; negative when more is allocated than was received."""
        return self.amount - self.allocated - self.passed_on

    @property
    def shown(self) -> list[Shown]:
        """What is owed on each loan, as the sheet shows it."""
        return [
            Shown(
                row.line.number,
                say("{total} owed", total=currency().show(row.line.due.total)),
                (row.line.loan_id, row.line.due),
            )
            for row in self.everything
        ]

    @property
    def problems(self) -> list[str]:
        found: list[str] = [
            joined([row.line.number, problem], ": ")
            for row in self.everything
            for problem in (row.problem, row.kept and row.kept.problem)
            if problem
        ]
        if self.left_over < 0:
            found.append(
                say(
                    "The allocation sums to {allocated}, but {amount} was received.",
                    allocated=currency().show(self.allocated),
                    amount=currency().show(self.amount),
                )
            )
        return found


def input_name(loan_id: int, part: str) -> str:
    """The name of the input for one part of one loan."""
    return f"{part}_{loan_id}"


def parts_of(split: Split) -> tuple[int, ...]:
    """The parts of a split, in the order in which they are paid."""
    return tuple(getattr(split, part) for part in PARTS)


def make_sheet(
    proposal: ReceiptProposal,
    faces: Mapping[int, LoanFace],
    *,
    mark: str,
    amount: int,
    typed: MultiDict[str, str] | None = None,
    kept: Mapping[int, TypedDeduction] | None = None,
) -> Sheet:
    """The sheet as proposed, or with the amounts that an admin typed; `kept` is what was typed of deductions, by
    invoice id."""
    reached = [line for line in proposal.lines if line.split.total]
    further = [line for line in proposal.lines if not line.split.total]

    def rows(lines: list[ProposedLine]) -> list[SheetRow]:
        return [_row(line, faces[line.loan_id], typed) for line in lines]

    purchased = {debt.invoice.id for debt in proposal.debts if debt.invoice.purchaser_id == proposal.payer_id}

    sheet = Sheet(
        mark,
        amount,
        proposal,
        rows(reached),
        rows(further),
        rows(proposal.others),
        rows(proposal.written_off),
    )
    for row in sheet.everything:
        if row.line.invoice_id in purchased:
            row.kept = (kept or {}).get(row.line.invoice_id) or TypedDeduction(row.line.invoice_id)
    if not sheet.problems:
        laid = lay_rest(sheet.wanted, proposal.debts, proposal.payer_id, amount, proposal.value_date)
        sheet.passed_on = sum(split.rest for split in laid)
    return sheet


def _row(line: ProposedLine, face: LoanFace, typed: MultiDict[str, str] | None) -> SheetRow:
    if typed is None:
        shown = {part: _plain(getattr(line.split, part)) for part in PARTS}
        return SheetRow(line, face, shown, line.split)
    shown, amounts, problem = {}, {}, None
    for part in PARTS:
        shown[part] = typed.get(input_name(line.loan_id, part), "").strip()[:40]
        try:
            amounts[part] = _read(shown[part], part)
        except InvalidInput as error:
            amounts[part] = 0
            problem = problem or f"{part}: {error.message}"
    split = Split(line.loan_id, **amounts)
    if problem is None and any(amounts.values()):
        problem = check_allocation(split, line.due)
    return SheetRow(line, face, shown, split, problem)


def _plain(amount: int) -> str:
    if amount == 0:
        return ""
    return ("-" if amount < 0 else "") + currency().plain(abs(amount))


def _read(text: str, part: str) -> int:
    """An amount as typed; interest alone may be negative, where it was deducted and is not earned yet."""
    if not text:
        return 0
    if part == "interest" and text[0] in "-\N{MINUS SIGN}":
        return -currency().parse(text[1:], field="allocations", allow_zero=True)
    return currency().parse(text, field="allocations", allow_zero=True)
