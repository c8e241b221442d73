"""What people decide on the credits of a statement: accept as a receipt, park, dismiss, open again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from tusker.currency import currency
from tusker.domain.approval import Shown
from tusker.domain.bank.judgements import Judgement, Suggestion, Verdict
from tusker.domain.loans.allocation import Allocation as Split
from tusker.domain.loans.allocation import lay_against_invoice
from tusker.errors import Changed, Conflict, InvalidInput, TuskerError
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import EntryDirection, EntryState, Receipt, StatementEntry
from tusker.queries.bank.candidates import judge_entries
from tusker.services.bank.payout_matches import NO_PAYOUT, settle_payouts
from tusker.services.bank_entries import decide, find_loans_of, lock_entries, own_reference, receipt_reference
from tusker.services.context import Context
from tusker.services.loans.charges import charge_in_entry, charged
from tusker.services.loans.debts import OpenDebt, lock_debts, lock_debts_of
from tusker.services.loans.deductions.recording import KeptBack
from tusker.services.loans.receipts.recording import record_receipt
from tusker.services.locks import lock_rows
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen

TO_DECIDE = frozenset({EntryState.OPEN, EntryState.PARKED})


@dataclass(frozen=True, slots=True)
class Accepted:
    """The result of accepting many entries: the receipts, and by entry id why an entry was left."""

    receipts: Sequence[Receipt]
    left: Mapping[int, str]

    @property
    def total(self) -> int:
        """What was accepted, in minor units."""
        return sum(receipt.amount for receipt in self.receipts)


def shown_suggestion(entry: StatementEntry, suggestion: Suggestion) -> Shown:
    """A suggestion as the page of the statement shows it."""
    show, parts = currency().show, suggestion.parts
    return Shown(
        say(
            "{amount} of {day} for {numbers}",
            amount=show(entry.received),
            day=entry.value_date,
            numbers=", ".join(part.loan.number for part in parts),
        ),
        joined(
            [
                *(say("{amount} of {due}", amount=show(part.amount), due=show(part.due)) for part in parts),
                *(
                    [say("{amount} left as credit", amount=show(left))]
                    if (left := suggestion.left_over)
                    else []
                ),
            ]
        ),
        (entry.id, suggestion.customer_id, *((part.loan.loan_id, part.amount, part.due) for part in parts)),
    )


def accept_entry(
    ctx: Context,
    entry_id: int,
    customer_id: int,
    splits: Mapping[int, int] | None = None,
    kept_back: Sequence[KeptBack] = (),
    *,
    seen: Seen = None,
) -> Receipt:
    """Record a credit as a receipt of a customer.

    `splits` gives what each loan gets in minor units, by loan id; without it the oldest due loans of the customer are
    paid first. What is left over is the customer's credit. `kept_back` is what the customer keeps back of these loans'
    invoices with the payment. Raises `Conflict` when the entry is no longer open, `Changed` when that suggestion is not
    what was `seen`.
    """
    [entry] = lock_entries([entry_id])
    _check_acceptable(entry)
    debts = None if splits is None else lock_debts_of(splits)
    if seen is not None:
        _check_suggested(ctx, entry, customer_id, splits or {}, seen)
    return _accept(ctx, entry, customer_id, splits, debts, kept_back)


def _check_suggested(
    ctx: Context, entry: StatementEntry, customer_id: int, splits: Mapping[int, int], seen: Seen
) -> None:
    judged = judge_entries([entry], ctx.today).get(entry.id, Judgement(Verdict.NONE))
    for suggestion in judged.suggestions:
        wanted = {part.loan.loan_id: part.amount for part in suggestion.parts}
        if (suggestion.customer_id, wanted) == (customer_id, dict(splits)):
            return check_seen(seen, [shown_suggestion(entry, suggestion)], whole=False)
    raise Changed(
        [
            say(
                "{amount} of {day}: not suggested any more",
                amount=currency().show(entry.received),
                day=entry.value_date,
            )
        ]
    )


def accept_sure(ctx: Context, entry_ids: Collection[int], *, seen: Seen = None) -> Accepted:
    """Accept those of the entries that are sure now, each as suggested and as it was `seen`; the others stay, with the
    reason."""
    entries = lock_entries(entry_ids)
    judged = judge_entries(entries, ctx.today)
    sure = {
        entry.id: judged[entry.id].suggestions[0]
        for entry in entries
        if entry.id in judged and judged[entry.id].verdict is Verdict.SURE and entry.state in TO_DECIDE
    }
    # in one go and in one order, so that this never waits for somebody who waits for it
    debts = lock_debts(
        {part.loan.invoice_id for suggestion in sure.values() for part in suggestion.parts}, closed_too=True
    )
    receipts: list[Receipt] = []
    left: dict[int, str] = {}
    for entry in entries:
        if entry.id not in sure:
            left[entry.id] = _why_not_sure(entry, judged)
            continue
        suggestion = sure[entry.id]
        try:
            with db.session.begin_nested():
                check_seen(seen, [shown_suggestion(entry, suggestion)], whole=False)
                splits = {part.loan.loan_id: part.amount for part in suggestion.parts}
                receipts.append(_accept(ctx, entry, suggestion.customer_id, splits, debts))
        except TuskerError as error:
            left[entry.id] = error.message
    return Accepted(receipts, left)


def _why_not_sure(entry: StatementEntry, judged: Mapping[int, Judgement]) -> str:
    if entry.state not in TO_DECIDE:
        return say("It is {state} already.", state=EntryState(entry.state))
    found = judged.get(entry.id)
    return (found.doubt if found else "") or say("No open loan matches.")


def _check_acceptable(entry: StatementEntry) -> None:
    _check_open(entry)
    if entry.direction != EntryDirection.CREDIT:
        raise InvalidInput("Only money that came in can become a receipt.", field="entry")


def _accept(
    ctx: Context,
    entry: StatementEntry,
    customer_id: int,
    splits: Mapping[int, int] | None,
    debts: Sequence[OpenDebt] | None,
    kept_back: Sequence[KeptBack] = (),
) -> Receipt:
    """Record a locked credit; `debts` are those that `splits` names, locked."""
    wanted = None if splits is None or debts is None else _split_parts(entry, customer_id, splits, debts)
    receipt = record_receipt(
        ctx,
        customer_id,
        amount=entry.received,
        bank_reference=receipt_reference(entry, customer_id),
        value_date=entry.value_date,
        wanted=wanted,
        debts=debts,
        kept_back=kept_back,
    )
    if entry.received != entry.amount:
        charge_in_entry(ctx, receipt, entry)
    decide(
        ctx,
        entry,
        EntryState.MATCHED,
        note=say("Receipt {reference}", reference=receipt.bank_reference),
        receipt_id=receipt.id,
    )
    db.session.flush()
    return receipt


def _split_parts(
    entry: StatementEntry, payer_id: int, splits: Mapping[int, int], debts: Sequence[OpenDebt]
) -> list[Split]:
    """The components of what each loan gets, as owed on the value date; raises `Conflict` when less is owed by now."""
    chosen = [debt for debt in debts if debt.loan.id in splits]
    if len(chosen) != len(splits):
        raise Conflict("One of the loans is no longer open; check the suggestions again.")
    parts = []
    for debt in chosen:
        due, amount = debt.due_on(entry.value_date), splits[debt.loan.id]
        most = due.total + debt.rest_for(payer_id, due.total)
        if not 0 < amount <= most:
            raise Conflict(
                "{most} is owed on {invoice_number} by now; check the suggestions again.",
                most=currency().show(most),
                invoice_number=debt.invoice.number,
            )
        parts.append(lay_against_invoice(debt.loan.id, amount, due, most))
    return parts


def settle_with_charges(ctx: Context, entry_id: int, charges: int) -> StatementEntry:
    """A person says how much of a debit the bank took for itself, in minor units: the rest is a payout, or all open
    payouts of an order, which it confirms. Raises `Conflict` when it does not fit even so."""
    [entry] = lock_entries([entry_id])
    _check_open(entry)
    if entry.direction != EntryDirection.DEBIT or entry.return_reason is not None:
        raise InvalidInput("Only a payment that left can carry charges.", field="charges")
    if not 0 < charges < entry.amount:
        raise InvalidInput(
            "Bank charges must be more than zero and less than what was booked.", field="charges"
        )
    entry.instructed_amount, entry.note = entry.amount - charges, ""
    settle_payouts(ctx, [entry])
    if entry.state != EntryState.MATCHED:
        raise Conflict(entry.note or NO_PAYOUT)
    return entry


def park_entry(ctx: Context, entry_id: int, *, reason: str) -> StatementEntry:
    """Leave an entry for later, with the reason."""
    why = reason_of(reason)
    [entry] = lock_entries([entry_id])
    if entry.state != EntryState.OPEN:
        raise Conflict("This entry is {state} already.", state=entry.state)
    decide(ctx, entry, EntryState.PARKED, note=why)
    return entry


def dismiss_entry(ctx: Context, entry_id: int, *, reason: str) -> StatementEntry:
    """An entry has nothing to do with loans or payouts, or was dealt with elsewhere; the reason says so."""
    why = reason_of(reason)
    [entry] = lock_entries([entry_id])
    _check_open(entry)
    decide(ctx, entry, EntryState.DISMISSED, note=why)
    return entry


def reopen_entry(ctx: Context, entry_id: int) -> StatementEntry:
    """Open a parked or dismissed entry again; a duplicate is in doubt again.

    One that became a receipt opens when that is undone.
    """
    [entry] = lock_entries([entry_id])
    if entry.state in {EntryState.OPEN, EntryState.IN_DOUBT}:
        raise Conflict("This entry is open already.")
    if entry.state == EntryState.DUPLICATE:
        decide(ctx, entry, EntryState.IN_DOUBT, note=say("Reopened for another review."))
        return entry
    if entry.state == EntryState.MATCHED:
        if entry.receipt_id is None:
            raise Conflict("This entry settled a payout; it stays with it.")
        raise Conflict("This entry became a receipt; undo the receipt and it is open again.")
    decide(ctx, entry, EntryState.OPEN)
    find_loans_of(entry, ctx.today)
    return entry


def link_receipt(ctx: Context, receipt: Receipt) -> StatementEntry | None:
    """Close the entry that a receipt recorded by hand is of: same reference, amount and value date."""
    found = lock_rows(
        StatementEntry,
        StatementEntry.direction == EntryDirection.CREDIT,
        StatementEntry.state.in_(TO_DECIDE),
        StatementEntry.return_reason.is_(None),
        StatementEntry.amount == receipt.amount - charged(receipt.id),
        StatementEntry.value_date == receipt.value_date,
        # one that somebody is just deciding on is not waited for: locks are taken in the other order there
        skip_locked=True,
    )
    for entry in found:
        if receipt.bank_reference in {own_reference(entry), receipt_reference(entry, receipt.customer_id)}:
            decide(
                ctx,
                entry,
                EntryState.MATCHED,
                note=say("Receipt {reference}", reference=receipt.bank_reference),
                receipt_id=receipt.id,
            )
            return entry
    return None


def _check_open(entry: StatementEntry) -> None:
    if entry.state not in TO_DECIDE:
        raise Conflict("This entry is {state} already.", state=entry.state)
