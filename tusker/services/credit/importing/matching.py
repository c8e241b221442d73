"""Matching the rows of a file with companies, credit lines and earlier requests, in a few queries a batch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from tusker.currency import currency
from tusker.domain.credit.lifecycle import STATUS_SAID, InvoiceStatus
from tusker.domain.credit.limits import SIDE_SAID, Bound, Refusal, refusal_of
from tusker.domain.credit.risk import SHARES, judge
from tusker.domain.numbers import strict_form
from tusker.errors import FinancingRefused
from tusker.extensions import db
from tusker.messages import Text, joined, say
from tusker.models import Customer
from tusker.queries.credit.credit_lines import LineRow, lines_between
from tusker.queries.credit.requests import STANDING_FOR_IT
from tusker.queries.credit.risk import line_facts, rules_on
from tusker.queries.lookup import companies_called
from tusker.services.context import Context
from tusker.services.credit.importing.file import ImportOptions, InvoiceRow, RowOutcome, RowResult
from tusker.services.credit.risk.judging import in_words, refused_by_rules
from tusker.services.credit.standing import why_closed
from tusker.services.locks import AdvisoryLock, take_lock


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row with the credit line that it falls on."""

    row: InvoiceRow
    line: LineRow
    principal: int


def sort_out(
    ctx: Context, rows: Sequence[InvoiceRow], options: ImportOptions
) -> tuple[dict[int, RowResult], list[Candidate]]:
    """Split rows into results (by line of the file) of those that are not admitted, and candidates for admission."""
    answered: dict[int, RowResult] = {}
    candidates: list[Candidate] = []
    called = companies_called({name for row in rows for name in (row.supplier, row.purchaser)})
    lines = lines_between(
        {
            (called[row.supplier].id, called[row.purchaser].id)
            for row in rows
            if row.supplier in called and row.purchaser in called
        },
        ctx.today,
    )
    rules = RulesOfImport(ctx, list(lines.values()))
    closed = why_closed(list(lines.values()), ctx.today, seen_by=None)
    for row in rows:
        try:
            seller = _company(called, row.supplier, "supplier")
            buyer = _company(called, row.purchaser, "purchaser")
            line = lines.get((seller.id, buyer.id))
            if line is None:
                raise FinancingRefused(
                    "There is no credit line between {seller} and {buyer}.",
                    seller=seller.name,
                    buyer=buyer.name,
                )
            if line.id in closed:
                raise FinancingRefused(closed[line.id])
            principal = line.terms.principal_of(row.amount)
            if principal < 1:
                raise FinancingRefused("The amount is too small to be financed.")
        except FinancingRefused as error:
            answered[row.line] = row_result(row, RowOutcome.NOT_FINANCEABLE, error.message)
        else:
            candidates.append(Candidate(row, line, principal))
    known = _find_known(candidates, options)
    for candidate in candidates:
        row = candidate.row
        if row.line in known:
            answered[row.line] = known[row.line]
        elif broken := rules.broken_by(candidate):
            answered[row.line] = row_result(row, RowOutcome.NOT_FINANCEABLE, broken)
    return answered, [c for c in candidates if c.row.line not in answered]


class RulesOfImport:
    """The rules of risk for the rows of a file, each row beside those before it of the same purchaser and group.

    Whether these are admitted is known afterwards only, so the book counts as grown by no more than a row's purchaser.
    """

    def __init__(self, ctx: Context, lines: Sequence[LineRow]) -> None:
        self.today, self.rules = ctx.today, rules_on(ctx.today)
        if any(rule.kind in SHARES for rule in self.rules):
            take_lock(AdvisoryLock.BOOK)
        self.lines = line_facts([line.id for line in lines], ctx.today) if self.rules else {}
        self.added: Counter[int | str] = Counter()

    def broken_by(self, candidate: Candidate) -> str:
        """The rules that a row breaks, in words; empty when none, and then the row counts for those behind it."""
        if not self.rules:
            return ""
        row, line, added = candidate.row, candidate.line, self.added
        standing = self.lines[line.id]
        facts = standing.facts(
            amount=row.amount,
            tenor_days=line.terms.tenor_days,
            invoice_age=None if row.invoice_date is None else (self.today - row.invoice_date).days,
            adding=added[line.purchaser_id] + candidate.principal,
            adding_to_group=added[standing.group] + candidate.principal,
        )
        verdicts = judge(facts, standing.picks(self.rules))
        broken = refused_by_rules(in_words(verdict, standing) for verdict in verdicts)
        if not broken:
            added.update({line.purchaser_id: candidate.principal, standing.group: candidate.principal})
        return broken


def _company(called: dict[str, Customer], name: str, side: str) -> Customer:
    company = called.get(name)
    if company is None:
        raise FinancingRefused("No customer has the reference or name “{name}”.", name=name)
    if (company.supplier if side == "supplier" else company.purchaser) is None:
        raise FinancingRefused("{company} is not a {side}.", company=company.name, side=SIDE_SAID[side])
    return company


_KNOWN = text(
    """
    SELECT w.line, i.id, i.number, i.status, i.refused_by, i.lacking, i.lacking_supplier,
        i.lacking_purchaser,
        i.number = w.number AND i.amount = w.amount AND i.purchaser_id = w.purchaser_id AS same
    FROM unnest(CAST(:lines AS int[]), CAST(:suppliers AS bigint[]), CAST(:purchasers AS bigint[]),
        CAST(:numbers AS text[]), CAST(:forms AS text[]), CAST(:amounts AS bigint[]))
        AS w (line, supplier_id, purchaser_id, number, form, amount)
    CROSS JOIN LATERAL (
        SELECT * FROM invoices WHERE supplier_id = w.supplier_id AND number_strict = w.form
        ORDER BY status NOT IN ('rejected', 'cancelled') DESC, id DESC LIMIT 1
    ) AS i
    """
)
_TRACKED = text(
    f"""
    SELECT w.line, i.number FROM unnest(CAST(:lines AS int[]), CAST(:carriers AS text[]), CAST(:refs AS text[]),
        CAST(:suppliers AS bigint[]), CAST(:forms AS text[])) AS w (line, carrier, ref, supplier_id, form)
    CROSS JOIN LATERAL ({STANDING_FOR_IT}) AS s
    JOIN invoices i ON i.id = s.invoice_id
    WHERE (i.supplier_id, i.number_strict) <> (w.supplier_id, w.form)
    """  # noqa: S608 - constant text
)

_WAITS = text(
    """
    SELECT w.line FROM unnest(CAST(:lines AS int[]), CAST(:carriers AS text[]), CAST(:refs AS text[]),
        CAST(:suppliers AS bigint[]), CAST(:forms AS text[])) AS w (line, carrier, ref, supplier_id, form)
    WHERE waiting_for(w.supplier_id, w.form, w.carrier, w.ref) IS NOT NULL
    """
)


def _find_known(candidates: Sequence[Candidate], options: ImportOptions) -> dict[int, RowResult]:
    """Results of rows that were requested before, and of orders that another invoice stands for."""
    rows = {candidate.row.line: candidate for candidate in candidates}
    forms = {line: strict_form(c.row.number) for line, c in rows.items()}
    wanted = {
        "lines": list(rows),
        "suppliers": [c.line.supplier_id for c in rows.values()],
        "purchasers": [c.line.purchaser_id for c in rows.values()],
        "numbers": [c.row.number for c in rows.values()],
        "forms": list(forms.values()),
        "amounts": [c.row.amount for c in rows.values()],
    }
    known = {}
    for found in db.session.execute(_KNOWN, wanted):
        answer = _known_answer(rows[found.line], found, options)
        if answer is not None:
            known[found.line] = answer
    orders = {
        "lines": list(rows),
        "carriers": [c.row.carrier for c in rows.values()],
        "refs": [c.row.order_ref or c.row.number for c in rows.values()],
        "suppliers": wanted["suppliers"],
        "forms": wanted["forms"],
    }
    for found in db.session.execute(_TRACKED, orders):
        if found.line not in known:
            known[found.line] = shipment_conflict(
                rows[found.line].row, say("as invoice {number}", number=found.number)
            )
    for found in db.session.execute(_WAITS, orders):
        known[found.line] = waits(rows[found.line].row)
    seen: dict[tuple[int, str], int] = {}
    for line, candidate in rows.items():
        # The same supplier may stand in the file by its reference and by its name, the same number typed differently.
        first = seen.setdefault((candidate.line.supplier_id, forms[line]), line)
        if first != line and line not in known:
            known[line] = row_result(
                candidate.row,
                RowOutcome.CONFLICT,
                say("This invoice stands in line {number} already.", number=first),
            )
    return known


def _known_answer(candidate: Candidate, found: Any, options: ImportOptions) -> RowResult | None:
    status = STATUS_SAID[found.status]
    if found.status not in {InvoiceStatus.REJECTED, InvoiceStatus.CANCELLED}:
        if found.same:
            said = say("Already requested; it is {status}.", status=status)
            return row_result(candidate.row, RowOutcome.REPLAYED, said, found.id)
        return conflict(candidate.row, found.id, status, found.number)
    if options.retry_refused or not found.same:
        return None
    why = say("It was cancelled.")
    if found.status == InvoiceStatus.REJECTED:
        why = limit_words(
            refusal_of(found.refused_by, found.lacking, found.lacking_supplier, found.lacking_purchaser)
        )
    refused = say("Refused before. {why}", why=why)
    return row_result(candidate.row, RowOutcome.REFUSED_BEFORE, refused, found.id)


def conflict(row: InvoiceRow, invoice_id: int | None, status: str, printed: str = "") -> RowResult:
    reason = say(
        "This number was requested already with another amount or purchaser; it is {status}.", status=status
    )
    if printed not in {"", row.number}:
        reason = say(
            "This number was requested already, as “{number}”; it is {status}.", number=printed, status=status
        )
    return row_result(row, RowOutcome.CONFLICT, reason, invoice_id)


def shipment_conflict(row: InvoiceRow, how: str) -> RowResult:
    financed = say("Order {ref} is financed already, {how}.", ref=row.order_ref, how=how)
    return row_result(row, RowOutcome.CONFLICT, financed)


def waits(row: InvoiceRow) -> RowResult:
    return row_result(row, RowOutcome.CONFLICT, say("It is on the waiting list."))


def limit_words(refusal: Refusal) -> Text:
    """Every limit that lacked, each in a sentence."""
    show = currency().show
    return joined(
        (
            {
                Bound.CREDIT_LINE: say(
                    "The credit line limit is exceeded by {amount}.", amount=show(lacking)
                ),
                Bound.SUPPLIER: say("The supplier limit is exceeded by {amount}.", amount=show(lacking)),
                Bound.PURCHASER: say("The purchaser limit is exceeded by {amount}.", amount=show(lacking)),
            }[bound]
            for bound, lacking in refusal.lacks
        ),
        " ",
    )


def row_result(
    row: InvoiceRow, outcome: RowOutcome, reason: str = "", invoice_id: int | None = None
) -> RowResult:
    return RowResult(
        row.line, row.number, row.supplier, row.purchaser, outcome, reason, invoice_id, amount=row.amount
    )
