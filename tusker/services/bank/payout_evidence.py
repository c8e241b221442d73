"""Which payouts a bank statement's entries may be about: by id, by what their text names, by account and amount."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select

from tusker.domain.banking import may_be_charges
from tusker.domain.narrations import bank_numbers, disbursals_named, payouts_named
from tusker.extensions import db
from tusker.models import BankAccount, Disbursal, EntryDirection, Invoice, Payout, PayoutState, StatementEntry
from tusker.queries.bank.candidates import doubts_of
from tusker.services.locks import lock_rows
from tusker.services.payout.payout_locks import lock_payouts

_WORDS = re.compile(r"[A-Za-z0-9?():.,'+-]+")
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


def collect_matches(debits: Sequence[StatementEntry], credits: Sequence[StatementEntry]) -> PayoutMatches:
    """Find and lock what the entries may be about."""
    names = {e.end_to_end_id for e in (*debits, *credits)} - {""}
    returned = [e for e in credits if e.return_reason is not None]
    names |= {word for e in returned for word in _WORDS.findall(e.remittance)}
    names |= {name for e in (*debits, *credits) for name in payouts_named(text_of(e))}
    blank = {e.payment for e in debits if not e.end_to_end_id}
    back = {e.payment for e in returned if not e.end_to_end_id}
    orders = {e.batch_reference for e in debits} - {""}
    orders |= {name for e in debits for name in disbursals_named(text_of(e))}
    numbers = {number for e in credits for number in bank_numbers(text_of(e))}
    condition = or_(
        Payout.reference.in_(names),
        Disbursal.reference.in_(orders),
        (Payout.state == PayoutState.INSTRUCTED) & Payout.net.in_(blank | back),
        (Payout.state == PayoutState.CONFIRMED)
        & or_(Payout.net.in_(back), Payout.bank_reference.in_(numbers)),
    )
    rows = db.session.execute(
        select(Payout.id, Payout.disbursal_id).join(Disbursal).where(condition, Payout.net > 0)
    ).all()
    if not rows:
        return PayoutMatches()
    disbursals = lock_rows(Disbursal, Disbursal.id.in_({row.disbursal_id for row in rows}))
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


def text_of(entry: StatementEntry) -> str:
    return f"{entry.bank_reference} {entry.remittance}"


def named_in_text(matches: PayoutMatches, entry: StatementEntry) -> list[Payout]:
    """The payouts whose ids stand in the bank's text or reference, of a credit also those whose UTR does; each once."""
    found = [matches.payouts.get(name) for name in payouts_named(text_of(entry))]
    if entry.direction == EntryDirection.CREDIT:
        found += [matches.by_bank.get(number) for number in bank_numbers(text_of(entry))]
    return list({payout.id: payout for payout in found if payout is not None}.values())


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
