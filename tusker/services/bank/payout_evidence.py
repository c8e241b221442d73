"""Which payouts a bank statement's entries may be about: by id, by what their text names, by account and amount."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, CompoundSelect, select, union

from tusker.domain.bank.banking import may_be_charges
from tusker.extensions import db
from tusker.models import BankAccount, Disbursal, EntryDirection, Payout, PayoutState, StatementEntry
from tusker.queries.bank.candidates import Line, doubts_of
from tusker.services.locks import among, lock_rows
from tusker.services.payout.settlement.locks import lock_payouts

_WORDS = re.compile(r"[A-Za-z0-9?():.,'+-]+")
Entries = Sequence[StatementEntry] | Sequence[Line]
_MASKED = re.compile(r"[X*]+([0-9]{4,})")


@dataclass(slots=True)
class PayoutMatches:
    """The payouts and disbursals that the entries may be about, by reference, locked with what settling them changes,
    and the payouts' accounts by id."""

    payouts: dict[str, Payout] = field(default_factory=dict)
    by_bank: Mapping[str | None, Payout] = field(default_factory=dict)
    """Payouts by the bank's numbers under which they left or will leave."""
    disbursals: dict[str, Disbursal] = field(default_factory=dict)
    accounts: Mapping[int | None, BankAccount] = field(default_factory=dict)
    settling: dict[int | None, StatementEntry] = field(default_factory=dict)
    """Entries that settled payouts before."""
    doubts: Mapping[int, str] = field(default_factory=dict)
    """Why a statement contradicts itself: its entries settle nothing by themselves."""


def collect_matches(debits: Sequence[StatementEntry], credits: Sequence[StatementEntry]) -> PayoutMatches:
    """Find and lock what the entries may be about."""
    rows = db.session.execute(
        select(Payout.id, Payout.disbursal_id).where(
            Payout.id.in_(_named_by(debits, credits)), Payout.net > 0
        )
    ).all()
    if not rows:
        return PayoutMatches()
    disbursals = lock_rows(Disbursal, Disbursal.id.in_({row.disbursal_id for row in rows}))
    locked = lock_payouts(disbursals, Payout.id.in_([row.id for row in rows]))
    payouts = locked.payouts.values()
    accounts = select(BankAccount).where(BankAccount.id.in_({p.bank_account_id for p in payouts}))
    settling = select(StatementEntry).where(StatementEntry.id.in_({p.statement_entry_id for p in payouts}))
    return PayoutMatches(
        payouts={payout.reference: payout for payout in payouts},
        by_bank={
            number: payout
            for payout in payouts
            for number in (payout.bank_reference, payout.bank_number)
            if number
        },
        disbursals={disbursal.reference: disbursal for disbursal in disbursals},
        accounts={account.id: account for account in db.session.scalars(accounts)},
        settling={entry.id: entry for entry in db.session.scalars(settling)},
        doubts=doubts_of((*debits, *credits)),
    )


def about_payouts(lines: Sequence[Line]) -> set[int]:
    """The entries, by id, that may be about payouts of ours."""
    debits = [line for line in lines if line.direction == EntryDirection.DEBIT and line.return_reason is None]
    credits = [line for line in lines if line.direction == EntryDirection.CREDIT]
    rows = db.session.execute(
        select(Payout.reference, Payout.bank_reference, Payout.bank_number, Disbursal.reference, Payout.net)
        .join(Disbursal)
        .where(Payout.id.in_(_named_by(debits, credits)), Payout.net > 0)
    ).all()
    if not rows:
        return set()
    references, nets = {name for row in rows for name in row[:4]}, {row.net for row in rows}
    return {
        line.id
        for line in lines
        if (line.direction == EntryDirection.DEBIT and line.payment in nets)
        or line.end_to_end_id in references
        or line.batch_reference in references
        or any(name in references for names in line.named for name in names)
    }


def _named_by(debits: Entries, credits: Entries) -> CompoundSelect[int]:
    """The ids of the payouts that entries may be about, each kind of evidence looked up by an index of its own."""
    told = [*(e.named for e in debits), *(e.named for e in credits)]
    names = {e.end_to_end_id for e in (*debits, *credits)} - {""}
    returned = [e for e in credits if e.return_reason is not None]
    names |= {word for e in returned for word in _WORDS.findall(e.remittance)}
    names |= {name for each in told for name in each.payouts}
    blank = {e.payment for e in debits if not e.end_to_end_id}
    back = {e.payment for e in returned if not e.end_to_end_id}
    orders = {e.batch_reference for e in debits} - {""}
    orders |= {name for each in told[: len(debits)] for name in each.disbursals}
    numbers = {number for each in told for number in each.numbers}
    waits, paid = Payout.state == PayoutState.INSTRUCTED, Payout.state == PayoutState.CONFIRMED
    ordered = select(Disbursal.id).where(among(Disbursal.reference, orders))
    kinds: list[ColumnElement[bool]] = [
        among(Payout.reference, names),
        Payout.disbursal_id.in_(ordered),
        waits & among(Payout.net, blank | back),
        paid & among(Payout.bank_reference, numbers),
        among(Payout.bank_number, numbers),
    ]
    if back:
        kinds.append(paid & among(Payout.net, back))
    return union(*(select(Payout.id).where(kind) for kind in kinds))


def named_in_text(matches: PayoutMatches, entry: StatementEntry) -> list[Payout]:
    """The payouts whose ids or UTRs stand in the bank's text or reference; each once.

    A debit of another amount that quotes the UTR of a settled payout is what the bank charges for it.
    """
    named = entry.named
    found = [matches.payouts.get(name) for name in named.payouts]
    told = [matches.by_bank.get(number) for number in named.numbers]
    for payout in filter(None, told):
        if entry.direction == EntryDirection.CREDIT or _may_be_left(payout, entry):
            found.append(payout)
    return list({payout.id: payout for payout in found if payout is not None}.values())


def _may_be_left(payout: Payout, entry: StatementEntry) -> bool:
    return payout.state == PayoutState.INSTRUCTED or pays(entry, payout)


def of_amount(matches: PayoutMatches, entry: StatementEntry, *states: PayoutState) -> list[Payout]:
    return [p for p in matches.payouts.values() if p.state in states and pays(entry, p)]


def pays(entry: StatementEntry, *payouts: Payout) -> bool:
    """Whether the payment of an entry is these payouts to the minor unit, without charges that a bank may take."""
    net = sum(payout.net for payout in payouts)
    return net == entry.payment and may_be_charges(entry.charges or 0, net)


def returned_payout(matches: PayoutMatches, entry: StatementEntry) -> Payout | None:
    """The payout that a returned credit gives back: by end-to-end id, by what it names, or by account and amount."""
    if entry.end_to_end_id in matches.payouts:
        return matches.payouts[entry.end_to_end_id]
    named = [matches.payouts[word] for word in _WORDS.findall(entry.remittance) if word in matches.payouts]
    named += named_in_text(matches, entry)
    if not named and not entry.end_to_end_id:
        standing = of_amount(matches, entry, PayoutState.INSTRUCTED, PayoutState.CONFIRMED)
        named = [payout for payout in standing if account_fits(matches, payout, entry)]
    return named[0] if len({payout.id for payout in named}) == 1 else None


def came_back_on(matches: PayoutMatches, payout: Payout) -> StatementEntry | None:
    """The credit that gave a payout back before, if there was one."""
    entry = matches.settling.get(payout.statement_entry_id)
    return entry if entry is not None and entry.direction == EntryDirection.CREDIT else None


def account_fits(matches: PayoutMatches, payout: Payout, entry: StatementEntry) -> bool | None:
    """Whether the bank names the account that was instructed; None when it names none or none is kept."""
    account = matches.accounts.get(payout.bank_account_id)
    told = "".join(entry.counterparty_account.split()).upper()
    if account is None or not told:
        return None
    number = account.account.number
    if masked := _MASKED.fullmatch(told):
        return number.endswith(masked[1])
    return told.lstrip("0") == number.upper().lstrip("0")
