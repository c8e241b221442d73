"""What a bank statement says of payouts: debits confirm them, returns undo them; what does not fit stays open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, or_, select

from tusker.currency import currency
from tusker.domain.banking import may_be_charges
from tusker.domain.narrations import bank_numbers, disbursals_named, payouts_named
from tusker.errors import Duplicate, TuskerError
from tusker.extensions import db
from tusker.models import (
    BankAccount,
    Disbursal,
    EntryDirection,
    EntryState,
    Invoice,
    Payout,
    PayoutState,
    StatementEntry,
)
from tusker.queries.bank.candidates import DOUBTED, Line, doubts_of
from tusker.services.bank_entries import LONGEST_NOTE, decide, own_reference
from tusker.services.context import Context
from tusker.services.loans.charges import charge_in_entry
from tusker.services.locks import among, lock_invoices, lock_rows
from tusker.services.payout.payout_locks import lock_payouts
from tusker.services.payout.settlement import confirm_payouts, reject_locked
from tusker.services.payout.undoing import return_locked

NO_PAYOUT = "No payout fits it."
_WORDS = re.compile(r"[A-Za-z0-9?():.,'+-]+")
Entries = Sequence[StatementEntry] | Sequence[Line]
_MASKED = re.compile(r"[X*]+([0-9]{4,})")


@dataclass(slots=True)
class PayoutMatches:
    """The payouts and disbursals that the entries may be about, by reference, and the payouts' invoices and accounts
    by id. All but the accounts is locked."""

    payouts: dict[str, Payout] = field(default_factory=dict)
    by_bank: Mapping[str | None, Payout] = field(default_factory=dict)
    """Payouts by the bank's reference under which they left."""
    disbursals: dict[str, Disbursal] = field(default_factory=dict)
    invoices: Mapping[int, Invoice] = field(default_factory=dict)
    accounts: Mapping[int | None, BankAccount] = field(default_factory=dict)
    settling: dict[int | None, StatementEntry] = field(default_factory=dict)
    """Entries that settled payouts before."""
    doubts: Mapping[int, str] = field(default_factory=dict)
    """Why a statement contradicts itself: its entries settle nothing by themselves."""


def settle_payouts(ctx: Context, entries: Sequence[StatementEntry]) -> None:
    """Confirm, reject and return payouts by what locked open entries say; debits first, then what came back.

    An entry that settled something is `matched`; one that is about a payout but does not fit stays open and its note
    says why; the others are left as they are.
    """
    debits = [e for e in entries if e.direction == EntryDirection.DEBIT and e.return_reason is None]
    credits = [e for e in entries if e.direction == EntryDirection.CREDIT]
    matches = _collect(debits, credits)
    for entry in debits:
        _settle_debit(ctx, matches, entry)
    for entry in credits:
        if entry.return_reason is None:
            _note_own_id(matches, entry)
        elif payout := _returned_payout(matches, entry):
            _settle_return(ctx, matches, entry, payout, entry.return_reason)
    for entry in entries:
        if entry.direction == EntryDirection.DEBIT and entry.return_reason is not None:
            entry.note = f"Gives money back that had come in ({entry.return_reason}); undo its receipt."[
                :LONGEST_NOTE
            ]


def _collect(debits: Sequence[StatementEntry], credits: Sequence[StatementEntry]) -> PayoutMatches:
    """Find and lock what the entries may be about."""
    rows = db.session.execute(
        select(Payout.id, Payout.disbursal_id)
        .join(Disbursal)
        .where(_named_by(debits, credits), Payout.net > 0)
    ).all()
    if not rows:
        return PayoutMatches()
    disbursals = lock_rows(Disbursal, among(Disbursal.id, {row.disbursal_id for row in rows}))
    locked = lock_payouts(disbursals, [row.id for row in rows])
    payouts = locked.payouts.values()
    accounts = select(BankAccount).where(BankAccount.id.in_({p.bank_account_id for p in payouts}))
    settling = select(StatementEntry).where(StatementEntry.id.in_({p.statement_entry_id for p in payouts}))
    return PayoutMatches(
        payouts={payout.reference: payout for payout in payouts},
        by_bank={payout.bank_reference: payout for payout in payouts},
        disbursals={disbursal.reference: disbursal for disbursal in disbursals},
        invoices=locked.invoices,
        accounts={account.id: account for account in db.session.scalars(accounts)},
        settling={entry.id: entry for entry in db.session.scalars(settling)},
        doubts=doubts_of((*debits, *credits)),
    )


def about_payouts(lines: Sequence[Line]) -> set[int]:
    """The entries, by id, that may be about payouts of ours, so that `settle_payouts` has to see them."""
    debits = [line for line in lines if line.direction == EntryDirection.DEBIT and line.return_reason is None]
    credits = [line for line in lines if line.direction == EntryDirection.CREDIT]
    rows = db.session.execute(
        select(Payout.reference, Payout.bank_reference, Disbursal.reference, Payout.net)
        .join(Disbursal)
        .where(_named_by(debits, credits), Payout.net > 0)
    ).all()
    if not rows:
        return set()
    references = {name for row in rows for name in row[:3]}
    nets = {row.net for row in rows}
    return {
        line.id
        for line in lines
        if (line.direction == EntryDirection.DEBIT and line.payment in nets)
        or not references.isdisjoint(_names(line))
    }


def _names(line: Line) -> Iterator[str]:
    """Everything in an entry that may be the id of a payout or disbursal, or the bank's reference of one."""
    text = _text(line)
    yield from (line.end_to_end_id, line.batch_reference)
    yield from payouts_named(text)
    yield from disbursals_named(text)
    yield from bank_numbers(text)


def _named_by(debits: Entries, credits: Entries) -> ColumnElement[bool]:
    """The payouts that entries may be about."""
    names = {e.end_to_end_id for e in (*debits, *credits)} - {""}
    returned = [e for e in credits if e.return_reason is not None]
    names |= {word for e in returned for word in _WORDS.findall(e.remittance)}
    names |= {name for e in (*debits, *credits) for name in payouts_named(_text(e))}
    blank = {e.payment for e in debits if not e.end_to_end_id}
    back = {e.payment for e in returned if not e.end_to_end_id}
    orders = {e.batch_reference for e in debits} - {""}
    orders |= {name for e in debits for name in disbursals_named(_text(e))}
    numbers = {number for e in credits for number in bank_numbers(_text(e))}
    return or_(
        among(Payout.reference, names),
        among(Disbursal.reference, orders),
        (Payout.state == PayoutState.INSTRUCTED) & among(Payout.net, blank | back),
        (Payout.state == PayoutState.CONFIRMED)
        & or_(among(Payout.net, back), among(Payout.bank_reference, numbers)),
    )


def _text(entry: StatementEntry | Line) -> str:
    return f"{entry.bank_reference} {entry.remittance}"


def _settle_debit(ctx: Context, matches: PayoutMatches, entry: StatementEntry) -> None:
    named = _named_in_text(matches, entry)
    orders = {entry.batch_reference, *disbursals_named(_text(entry))} & matches.disbursals.keys()
    payout = matches.payouts.get(entry.end_to_end_id) if entry.end_to_end_id else None
    if payout is not None:
        _settle_named(ctx, matches, entry, payout)
    elif len(named) == 1:
        _settle_named(ctx, matches, entry, named[0])
    elif named:
        names = ", ".join(payout.reference for payout in named)
        entry.note = f"It names several payouts: {names}; confirm them with their disbursal."[:LONGEST_NOTE]
    elif len(orders) == 1:
        _settle_batch(ctx, matches, entry, matches.disbursals[orders.pop()])
    elif not entry.end_to_end_id and entry.counterparty_account:
        fitting = [
            p for p in _of_amount(matches, entry, PayoutState.INSTRUCTED) if _account_fits(matches, p, entry)
        ]
        if len(fitting) == 1:
            _settle_named(ctx, matches, entry, fitting[0])
        elif fitting:
            names = ", ".join(p.reference for p in fitting)
            entry.note = f"Several payouts have this amount and account: {names}."[:LONGEST_NOTE]


def _named_in_text(matches: PayoutMatches, entry: StatementEntry) -> list[Payout]:
    """The payouts whose ids stand in the bank's text or reference, of a credit also those whose UTR does; each once."""
    found = [matches.payouts.get(name) for name in payouts_named(_text(entry))]
    if entry.direction == EntryDirection.CREDIT:
        found += [matches.by_bank.get(number) for number in bank_numbers(_text(entry))]
    return list({payout.id: payout for payout in found if payout is not None}.values())


def _of_amount(matches: PayoutMatches, entry: StatementEntry, *states: PayoutState) -> list[Payout]:
    return [p for p in matches.payouts.values() if p.state in states and _pays(p, entry)]


def _pays(payout: Payout, entry: StatementEntry) -> bool:
    """Whether the payment of an entry is this payout to the minor unit, without charges that a bank may take."""
    return payout.net == entry.payment and may_be_charges(entry.charges or 0, payout.net)


def _settle_named(ctx: Context, matches: PayoutMatches, entry: StatementEntry, payout: Payout) -> None:
    """A debit that is about one payout."""
    if not _pays(payout, entry):
        entry.note = f"{payout.reference} is {currency().show(payout.net)}; the bank booked another amount."
    elif _account_fits(matches, payout, entry) is False:
        entry.note = f"{payout.reference} was instructed to another account than the bank paid."
    elif payout.state == PayoutState.INSTRUCTED:
        _confirm(ctx, matches, entry, [payout])
    elif payout.state == PayoutState.CONFIRMED and payout.statement_entry_id is None:
        payout.statement_entry_id = entry.id
        _matched(ctx, matches, entry, f"{payout.reference}, confirmed before", payout)
    elif payout.state == PayoutState.CONFIRMED:
        entry.note = (
            f"Another entry confirmed {payout.reference} already; ask the bank whether it paid twice."
        )
    else:
        entry.note = f"{payout.reference} is {payout.state} already, but the bank booked it."


def _settle_batch(ctx: Context, matches: PayoutMatches, entry: StatementEntry, disbursal: Disbursal) -> None:
    """A debit of a whole payment order without its parts: it must be the sum of all that is open of it."""
    of_it = [p for p in matches.payouts.values() if p.disbursal_id == disbursal.id]
    waiting = [p for p in of_it if p.state == PayoutState.INSTRUCTED]
    by_hand = [p for p in of_it if p.state == PayoutState.CONFIRMED and p.statement_entry_id is None]
    if waiting and sum(p.net for p in waiting) == entry.amount:
        _confirm(ctx, matches, entry, waiting)
    elif not waiting and by_hand and sum(p.net for p in by_hand) == entry.amount:
        for payout in by_hand:
            payout.statement_entry_id = entry.id
        _matched(ctx, matches, entry, f"{disbursal.reference}, confirmed before")
    elif waiting:
        total = currency().show(sum(p.net for p in waiting))
        entry.note = f"The {len(waiting)} open payouts of {disbursal.reference} are {total}, not this amount."
    else:
        entry.note = f"{disbursal.reference} waits for no payout any more."


def _doubted(matches: PayoutMatches, entry: StatementEntry, words: str) -> bool:
    """Whether the entry's file contradicts itself; the note then says what a person may do by hand."""
    doubt = matches.doubts.get(entry.statement_id)
    if doubt:
        entry.note = f"It fits {words}; record that by hand if it is so. {DOUBTED} {doubt}"[:LONGEST_NOTE]
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
                matches.invoices,
                bank_reference=tried,
                value_date=entry.value_date,
                entry_id=entry.id,
            )

        problem = _attempt(matches, act)
        if not isinstance(problem, Duplicate):
            break
    if problem is None:
        _matched(ctx, matches, entry, ", ".join(payout.reference for payout in payouts), payouts[0])
    else:
        entry.note = problem.message[:LONGEST_NOTE]


def _note_own_id(matches: PayoutMatches, entry: StatementEntry) -> None:
    """A payer may have written our id on a credit that does not say that it is a return: a person has to look."""
    by_id = matches.payouts.get(entry.end_to_end_id)
    for payout in filter(None, (by_id, *_named_in_text(matches, entry))):
        entry.note = (
            f"It carries the id of {payout.reference} but does not say that it came back."
            " If it did, record that with its disbursal and dismiss this."
        )


def _returned_payout(matches: PayoutMatches, entry: StatementEntry) -> Payout | None:
    """The payout that a returned credit gives back: by end-to-end id, by what it names, or by account and amount."""
    if entry.end_to_end_id in matches.payouts:
        return matches.payouts[entry.end_to_end_id]
    named = [matches.payouts[word] for word in _WORDS.findall(entry.remittance) if word in matches.payouts]
    named += _named_in_text(matches, entry)
    if not named and not entry.end_to_end_id:
        standing = _of_amount(matches, entry, PayoutState.INSTRUCTED, PayoutState.CONFIRMED)
        named = [payout for payout in standing if _account_fits(matches, payout, entry)]
    return named[0] if len({payout.id for payout in named}) == 1 else None


def _settle_return(
    ctx: Context, matches: PayoutMatches, entry: StatementEntry, payout: Payout, reason: str
) -> None:
    if not _pays(payout, entry):
        entry.note = f"{payout.reference} is {currency().show(payout.net)}; another amount came back."
    elif payout.state in {PayoutState.INSTRUCTED, PayoutState.CONFIRMED} and _doubted(
        matches, entry, f"a return of {payout.reference}"
    ):
        return
    elif payout.state == PayoutState.INSTRUCTED:
        problem = _attempt(matches, lambda: reject_locked(ctx, payout, matches.invoices, reason, entry.id))
        _after_return(ctx, matches, entry, problem, f"{payout.reference} was not paid: {reason}", payout)
    elif payout.state == PayoutState.CONFIRMED:
        problem = _attempt(matches, lambda: return_locked(ctx, payout, matches.invoices, reason, entry.id))
        _after_return(ctx, matches, entry, problem, f"{payout.reference} came back: {reason}", payout)
    elif _came_back_on(matches, payout) is None:
        payout.statement_entry_id = entry.id
        _matched(ctx, matches, entry, f"{payout.reference}, {payout.state} before", payout)
    else:
        entry.note = f"{payout.reference} is {payout.state} already by another entry."


def _came_back_on(matches: PayoutMatches, payout: Payout) -> StatementEntry | None:
    """The credit that gave a payout back before, if there was one."""
    entry = matches.settling.get(payout.statement_entry_id)
    return entry if entry is not None and entry.direction == EntryDirection.CREDIT else None


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
    taken = f"; the bank took {currency().show(entry.charges)}" if entry.charges else ""
    decide(ctx, entry, EntryState.MATCHED, note=note + taken)
    if entry.charges and payout is not None:
        charge_in_entry(ctx, payout, entry)
    matches.settling[entry.id] = entry


def _attempt(matches: PayoutMatches, action: Callable[[], None]) -> TuskerError | None:
    """Do it wholly or not at all; the error when it is refused."""
    try:
        with db.session.begin_nested():
            action()
    except TuskerError as error:
        # Statuses that one statement had set on many invoices are to be read anew; the session undid the rest.
        lock_invoices(matches.invoices)
        return error
    return None


def _account_fits(matches: PayoutMatches, payout: Payout, entry: StatementEntry) -> bool | None:
    """Whether the bank names the account that was instructed; None when it names none or none is kept."""
    account = matches.accounts.get(payout.bank_account_id)
    told = "".join(entry.counterparty_account.split()).upper()
    if account is None or not told:
        return None
    number = account.account.number
    if masked := _MASKED.fullmatch(told):
        return number.endswith(masked[1])
    return told.lstrip("0") == number.upper().lstrip("0")
