"""What a bank statement says of payouts: debits confirm them, returns undo them; what does not fit stays open."""

from collections.abc import Callable, Sequence

from tusker.currency import currency
from tusker.errors import Duplicate, TuskerError
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import (
    Disbursal,
    DisbursalLine,
    EntryDirection,
    EntryState,
    Invoice,
    Loan,
    Payout,
    PayoutState,
    StatementEntry,
)
from tusker.services.bank.payout_evidence import (
    PayoutMatches,
    account_fits,
    came_back_on,
    collect_matches,
    named_in_text,
    of_amount,
    pays,
    returned_payout,
)
from tusker.services.bank_entries import LONGEST_NOTE, decide, own_reference
from tusker.services.context import Context
from tusker.services.loans.charges import charge_in_entry
from tusker.services.locks import forget
from tusker.services.payout.settlement.confirming import confirm_payouts
from tusker.services.payout.settlement.rejection import reject_locked
from tusker.services.payout.settlement.undoing import return_locked

NO_PAYOUT = say("No payout fits it.")


def settle_payouts(ctx: Context, entries: Sequence[StatementEntry]) -> None:
    """Confirm, reject and return payouts by what locked open entries say; debits first, then what came back.

    An entry that settled something is `matched`; one that is about a payout but does not fit stays open and its note
    says why; the others are left as they are.
    """
    debits = [e for e in entries if e.direction == EntryDirection.DEBIT and e.return_reason is None]
    credits = [e for e in entries if e.direction == EntryDirection.CREDIT]
    # the entries are written once, when all is known of them
    with db.session.no_autoflush:
        matches = collect_matches(debits, credits)
    for entry in debits:
        _settle_debit(ctx, matches, entry)
    for entry in credits:
        if entry.return_reason is None:
            _note_own_id(matches, entry)
        elif payout := returned_payout(matches, entry):
            _settle_return(ctx, matches, entry, payout, entry.return_reason)
    for entry in entries:
        if entry.direction == EntryDirection.DEBIT and entry.return_reason is not None:
            entry.note = say(
                "Gives money back that had come in ({reason}); undo its receipt.",
                reason=entry.return_reason,
            )[:LONGEST_NOTE]


def _settle_debit(ctx: Context, matches: PayoutMatches, entry: StatementEntry) -> None:
    named = named_in_text(matches, entry)
    orders = {entry.batch_reference, *entry.named.disbursals} & matches.disbursals.keys()
    payout = matches.payouts.get(entry.end_to_end_id) if entry.end_to_end_id else None
    if payout is not None:
        _settle_named(ctx, matches, entry, payout)
    elif len(named) == 1:
        _settle_named(ctx, matches, entry, named[0])
    elif named:
        names = ", ".join(payout.reference for payout in named)
        entry.note = say(
            "It names several payouts: {names}; confirm them with their disbursal.", names=names
        )[:LONGEST_NOTE]
    elif len(orders) == 1:
        _settle_batch(ctx, matches, entry, matches.disbursals[orders.pop()])
    elif not entry.end_to_end_id and entry.counterparty_account:
        fitting = [
            p for p in of_amount(matches, entry, PayoutState.INSTRUCTED) if account_fits(matches, p, entry)
        ]
        if len(fitting) == 1:
            _settle_named(ctx, matches, entry, fitting[0])
        elif fitting:
            names = ", ".join(p.reference for p in fitting)
            entry.note = say("Several payouts have this amount and account: {names}.", names=names)[
                :LONGEST_NOTE
            ]


def _settle_named(ctx: Context, matches: PayoutMatches, entry: StatementEntry, payout: Payout) -> None:
    """A debit that is about one payout."""
    if not pays(entry, payout):
        entry.note = say(
            "{reference} is {amount}; the bank booked another amount.",
            reference=payout.reference,
            amount=currency().show(payout.net),
        )
    elif account_fits(matches, payout, entry) is False:
        entry.note = say(
            "{reference} was instructed to another account than the bank paid.", reference=payout.reference
        )
    elif payout.state == PayoutState.INSTRUCTED:
        _confirm(ctx, matches, entry, [payout])
    elif payout.state == PayoutState.CONFIRMED and payout.statement_entry_id is None:
        payout.statement_entry_id = entry.id
        _matched(
            ctx, matches, entry, say("{reference}, confirmed before", reference=payout.reference), payout
        )
    elif payout.state == PayoutState.CONFIRMED:
        entry.note = say(
            "Another entry confirmed {reference} already; ask the bank whether it paid twice.",
            reference=payout.reference,
        )
    else:
        words = [
            say(
                "{reference} is {state} already, but the bank booked it.",
                reference=payout.reference,
                state=payout.state,
            )
        ]
        if payout.state == PayoutState.REJECTED:
            words.append(say("Mark it as paid after all on its disbursal."))
        entry.note = joined(words, " ")


def _settle_batch(ctx: Context, matches: PayoutMatches, entry: StatementEntry, disbursal: Disbursal) -> None:
    """A debit of a whole payment order without its parts: it must be the sum of all that is open of it."""
    of_it = [p for p in matches.payouts.values() if p.disbursal_id == disbursal.id]
    waiting = [p for p in of_it if p.state == PayoutState.INSTRUCTED]
    by_hand = [p for p in of_it if p.state == PayoutState.CONFIRMED and p.statement_entry_id is None]
    # Charges of an order stand beside the payouts of one reference of the bank's.
    of_one = not entry.charges or len({p.bank_reference for p in by_hand}) == 1
    if waiting and pays(entry, *waiting):
        _confirm(ctx, matches, entry, waiting)
    elif not waiting and by_hand and of_one and pays(entry, *by_hand):
        for payout in by_hand:
            payout.statement_entry_id = entry.id
        _matched(
            ctx,
            matches,
            entry,
            say("{reference}, confirmed before", reference=disbursal.reference),
            by_hand[0],
        )
    elif waiting:
        total = currency().show(sum(p.net for p in waiting))
        entry.note = say(
            "The {n} open payouts of {reference} are {total}, not this amount.",
            n=len(waiting),
            reference=disbursal.reference,
            total=total,
        )
    else:
        entry.note = say("{reference} waits for no payout any more.", reference=disbursal.reference)


def _doubted(matches: PayoutMatches, entry: StatementEntry, words: str) -> bool:
    """Whether the entry's file contradicts itself; the note then says what a person may do by hand."""
    doubt = matches.doubts.get(entry.statement_id)
    if doubt:
        entry.note = say(
            "It fits {words}; record that by hand if it is so. The file contradicts itself. {doubt}",
            words=words,
            doubt=doubt,
        )[:LONGEST_NOTE]
    return doubt is not None


def _confirm(ctx: Context, matches: PayoutMatches, entry: StatementEntry, payouts: Sequence[Payout]) -> None:
    if _doubted(matches, entry, ", ".join(payout.reference for payout in payouts)):
        return
    reference = own_reference(entry)
    # banks may give one reference to several orders, or count from 1 in each statement
    for tried in (reference, f"{reference[:40]}/{entry.fingerprint[:16]}"):

        def act(tried: str = tried) -> None:
            confirm_payouts(
                ctx,
                payouts[0].disbursal,
                payouts,
                bank_reference=tried,
                value_date=entry.value_date,
                entry_id=entry.id,
            )

        problem = _attempt(act)
        if not isinstance(problem, Duplicate):
            break
    if problem is None:
        _matched(ctx, matches, entry, ", ".join(payout.reference for payout in payouts), payouts[0])
    else:
        entry.note = problem.message[:LONGEST_NOTE]


def _note_own_id(matches: PayoutMatches, entry: StatementEntry) -> None:
    """A payer may have written our id on a credit that does not say that it is a return: a person has to look."""
    by_id = matches.payouts.get(entry.end_to_end_id)
    for payout in filter(None, (by_id, *named_in_text(matches, entry))):
        entry.note = say(
            "It carries the id of {reference} but does not say that it came back. If it did, record that "
            "with its disbursal and dismiss this.",
            reference=payout.reference,
        )


def _settle_return(
    ctx: Context, matches: PayoutMatches, entry: StatementEntry, payout: Payout, reason: str
) -> None:
    if not pays(entry, payout):
        entry.note = say(
            "{reference} is {amount}; another amount came back.",
            reference=payout.reference,
            amount=currency().show(payout.net),
        )
    elif payout.state in {PayoutState.INSTRUCTED, PayoutState.CONFIRMED} and _doubted(
        matches, entry, say("a return of {reference}", reference=payout.reference)
    ):
        return
    elif payout.state == PayoutState.INSTRUCTED:
        problem = _attempt(lambda: reject_locked(ctx, payout, reason, entry.id))
        _after_return(
            ctx,
            matches,
            entry,
            problem,
            say("{reference} was not paid: {reason}", reference=payout.reference, reason=reason),
            payout,
        )
    elif payout.state == PayoutState.CONFIRMED:
        problem = _attempt(lambda: return_locked(ctx, payout, reason, entry.id))
        _after_return(
            ctx,
            matches,
            entry,
            problem,
            say("{reference} came back: {reason}", reference=payout.reference, reason=reason),
            payout,
        )
    elif came_back_on(matches, payout) is None:
        payout.statement_entry_id = entry.id
        _matched(
            ctx,
            matches,
            entry,
            say("{reference}, {state} before", reference=payout.reference, state=payout.state),
            payout,
        )
    else:
        entry.note = say(
            "{reference} is {state} already by another entry.", reference=payout.reference, state=payout.state
        )


def _after_return(
    ctx: Context,
    matches: PayoutMatches,
    entry: StatementEntry,
    problem: TuskerError | None,
    words: str,
    payout: Payout,
) -> None:
    if problem is None:
        _matched(ctx, matches, entry, words, payout)
    else:
        entry.note = problem.message[:LONGEST_NOTE]


def _matched(
    ctx: Context, matches: PayoutMatches, entry: StatementEntry, note: str, payout: Payout | None = None
) -> None:
    """The entry settled something; what the bank took inside it for a payout is the lender's cost."""
    if entry.charges:
        note = joined([note, say("the bank took {charges}", charges=currency().show(entry.charges))], "; ")
    decide(ctx, entry, EntryState.MATCHED, note=note)
    if entry.charges and payout is not None:
        charge_in_entry(ctx, payout, entry)
    matches.settling[entry.id] = entry


def _attempt(action: Callable[[], None]) -> TuskerError | None:
    """Do it wholly or not at all; the error when it is refused."""
    try:
        with db.session.begin_nested():
            action()
    except TuskerError as error:
        # What statements had set on many rows is to be read anew; the session undid the rest.
        forget(Invoice, DisbursalLine, Loan)
        return error
    return None
