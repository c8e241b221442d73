"""Requesting financing for a file of invoices. Safe to run twice: rows requested before are not requested again."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tusker.carriers.registry import MANUAL
from tusker.currency import currency
from tusker.domain.credit.limits import Bound, LimitUse, ThreeLimits
from tusker.errors import TermsChanged
from tusker.messages import say
from tusker.models import Role
from tusker.services.context import Context
from tusker.services.credit.admission import Admission, AdmissionRequest, Outcome, admit
from tusker.services.credit.importing.file import ImportFile, ImportOptions, InvoiceRow, RowOutcome, RowResult
from tusker.services.credit.importing.matching import (
    Candidate,
    conflict,
    limit_words,
    row_result,
    shipment_conflict,
    sort_out,
    waits,
)
from tusker.services.outbox import addresses_or_own, queue_mail

CHUNK = 200
"""Rows a transaction, where each row is on its own: enough to save round trips, few enough to hold no limit long."""
ATTEMPTS = 5
"""How often a batch is tried whose terms change meanwhile."""

_TOLD = ("line", "number", "supplier", "purchaser", "amount", "outcome", "reason", "invoice_id")
"""What is told of a row that is refused."""

Done = TypeVar("Done")
Transaction = Callable[[], AbstractContextManager[object]]
"""How the edge commits: `tusker.transactions.transaction`."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """One result a row, in the file's order; `written` says whether anything was stored."""

    results: list[RowResult]
    written: bool
    dry_run: bool = False
    counts: Counter[RowOutcome] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(result.outcome for result in self.results))

    @property
    def refused(self) -> list[RowResult]:
        """The rows that are not financed."""
        return [result for result in self.results if result.refused]

    @property
    def approved_principal(self) -> int:
        """Principal approved by this run, in minor units."""
        approved = (r.principal for r in self.results if r.outcome is RowOutcome.APPROVED)
        return sum(principal for principal in approved if principal is not None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: counts by outcome, principal approved in minor units, a row for each refusal."""
        return {
            "rows": len(self.results),
            "counts": {str(outcome): self.counts[outcome] for outcome in RowOutcome},
            "approved_principal": self.approved_principal,
            "currency": currency().code,
            "dry_run": self.dry_run,
            "written": self.written,
            "refusals": [{name: getattr(row, name) for name in _TOLD} for row in self.refused],
        }


def run_import(
    ctx: Context,
    file: ImportFile,
    options: ImportOptions,
    *,
    transaction: Transaction,
    all_or_nothing: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[int], object] = lambda rows: None,
) -> ImportReport:
    """Request financing of every readable row.

    Each row is on its own, in transactions of `CHUNK` rows, so that an interruption loses no more than one chunk and
    a second run continues. With `all_or_nothing` every row is admitted in one transaction, or none at all.
    `dry_run` writes nothing and locks nothing: the answers are what would have come at this moment.
    """
    if dry_run or (all_or_nothing and file.invalid):
        with transaction():
            answers = preview_rows(ctx, file.rows, options)
        written = False
    elif all_or_nothing:
        answers, written = _all_or_nothing(ctx, file.rows, options, transaction)
    else:
        answers = []
        for start in range(0, len(file.rows), CHUNK):
            chunk = file.rows[start : start + CHUNK]
            answers += _in_one_transaction(ctx, chunk, options, transaction)
            on_progress(len(chunk))
        written = any(result.outcome in {RowOutcome.APPROVED, RowOutcome.REJECTED} for result in answers)
    if all_or_nothing and (file.invalid or any(result.refused for result in answers)):
        answers = [_held_back(result) for result in answers]
    results = sorted([*answers, *file.invalid], key=lambda result: result.line)
    return ImportReport(results, written, dry_run)


class _Undo(Exception):
    """Rolls the transaction back; carries the answers out of it."""

    def __init__(self, answers: list[RowResult]) -> None:
        super().__init__()
        self.answers = answers


def _all_or_nothing(
    ctx: Context, rows: Sequence[InvoiceRow], options: ImportOptions, transaction: Transaction
) -> tuple[list[RowResult], bool]:
    # One admission call for all of them: a second one in the same transaction would take invoices after limits,
    # against the lock order.
    def refuse_all(answers: list[RowResult]) -> None:
        if any(answer.refused for answer in answers):
            raise _Undo(answers)

    try:
        answers = _in_one_transaction(ctx, rows, options, transaction, check=refuse_all)
    except _Undo as undo:
        return undo.answers, False
    return answers, any(answer.outcome is RowOutcome.APPROVED for answer in answers)


def _in_one_transaction(
    ctx: Context,
    rows: Sequence[InvoiceRow],
    options: ImportOptions,
    transaction: Transaction,
    check: Callable[[list[RowResult]], None] = lambda answers: None,
) -> list[RowResult]:
    def once() -> list[RowResult]:
        with transaction():
            answers = import_rows(ctx, rows, options)
            check(answers)
        return answers

    return until_terms_stand(once)


def until_terms_stand(request: Callable[[], Done]) -> Done:
    """Request a batch, again where its terms change meanwhile."""
    for _ in range(ATTEMPTS - 1):
        with suppress(TermsChanged):
            return request()
    return request()


def _held_back(result: RowResult) -> RowResult:
    """Nothing was written: an approval becomes a row held back, and a refusal has no stored invoice."""
    if result.outcome is RowOutcome.APPROVED:
        return replace(
            result,
            outcome=RowOutcome.HELD_BACK,
            reason=say("Not requested, because other rows were refused."),
            invoice_id=None,
        )
    if result.outcome is RowOutcome.REJECTED:
        return replace(result, invoice_id=None)
    return result


def import_rows(ctx: Context, rows: Sequence[InvoiceRow], options: ImportOptions) -> list[RowResult]:
    """Request financing of a batch, in the caller's transaction and one admission round trip; one answer a row.

    Raises `TermsChanged` when a credit line's terms changed between reading and admitting it: roll back, try again.
    """
    answered, wanted = sort_out(ctx, rows, options)
    requests = [_request(candidate, options) for candidate in wanted]
    for candidate, admission in zip(wanted, admit(ctx, requests), strict=True):
        answered[candidate.row.line] = _answer(candidate, admission)
    _mail_refusals(ctx, wanted, answered)
    return [answered[row.line] for row in rows]


def preview_rows(ctx: Context, rows: Sequence[InvoiceRow], options: ImportOptions) -> list[RowResult]:
    """What `import_rows` would answer now, by the same rule as admission, without a write or a lock."""
    answered, wanted = sort_out(ctx, rows, options)
    used: Counter[tuple[Bound, int]] = Counter()
    for candidate in wanted:
        ids = (candidate.line.id, candidate.line.supplier_id, candidate.line.purchaser_id)
        keys = list(zip(Bound, ids, strict=True))
        uses = (
            LimitUse(use.limit, use.used + used[key], use.waiting)
            for (_, use), key in zip(candidate.line.limits.in_order(), keys, strict=True)
        )
        refusal = ThreeLimits(*uses).check(candidate.principal)
        if refusal is None:
            used.update(dict.fromkeys(keys, candidate.principal))
        outcome = Outcome.APPROVED if refusal is None else Outcome.REJECTED
        answered[candidate.row.line] = _answer(candidate, Admission(outcome, None, refusal))
    return [answered[row.line] for row in rows]


def _request(candidate: Candidate, options: ImportOptions) -> AdmissionRequest:
    row = candidate.row
    return AdmissionRequest(
        credit_line_id=candidate.line.id,
        terms_version=candidate.line.terms_version,
        number=row.number,
        amount=row.amount,
        principal=candidate.principal,
        source=options.source,
        carrier=row.carrier,
        order_ref=row.order_ref or row.number,
        poll=row.carrier != MANUAL,
        invoice_date=row.invoice_date,
    )


def _answer(candidate: Candidate, admission: Admission) -> RowResult:
    row, invoice_id = candidate.row, admission.invoice_id
    if admission.outcome is Outcome.TERMS_CHANGED:
        raise TermsChanged("The terms of a credit line have just changed. Import the file again.")
    if admission.outcome is Outcome.LINE_CLOSED:
        return row_result(row, RowOutcome.NOT_FINANCEABLE, say("This credit line was just closed."))
    if admission.outcome is Outcome.ON_HOLD:
        return row_result(
            row, RowOutcome.NOT_FINANCEABLE, say("A company of this credit line was just put on hold.")
        )
    if admission.outcome is Outcome.REPLAYED:
        return row_result(row, RowOutcome.REPLAYED, say("Already requested just now."), invoice_id)
    if admission.outcome is Outcome.CONFLICT:
        return conflict(row, invoice_id, say("just requested"))
    if admission.outcome is Outcome.WAITING:
        return waits(row)
    if admission.outcome is Outcome.SHIPMENT_TAKEN:
        return shipment_conflict(row, say("just requested"))
    outcome = RowOutcome.APPROVED if admission.refusal is None else RowOutcome.REJECTED
    reason = "" if admission.refusal is None else limit_words(admission.refusal)
    return replace(row_result(row, outcome, reason, invoice_id), principal=candidate.principal)


def _mail_refusals(ctx: Context, wanted: Sequence[Candidate], answered: dict[int, RowResult]) -> None:
    """One mail a supplier and batch, not one an invoice."""
    refused: dict[int, list[dict[str, str]]] = {}
    for candidate in wanted:
        answer = answered[candidate.row.line]
        if answer.outcome is RowOutcome.REJECTED:
            refused.setdefault(candidate.line.supplier_id, []).append(
                {
                    "number": candidate.row.number,
                    "purchaser": candidate.row.purchaser,
                    "principal": currency().show(candidate.principal),
                    "reason": answer.reason,
                }
            )
    addresses = addresses_or_own(refused, Role.SUPPLIER) if refused else {}
    for supplier_id, told in addresses.items():
        queue_mail(ctx, "credit/requests_refused", told, invoices=refused[supplier_id])
