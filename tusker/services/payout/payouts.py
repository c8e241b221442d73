"""What is paid to whom for a disbursal: principal less what is deducted and less claims, and the loans it makes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from sqlalchemy import func, select

from tusker.currency import currency
from tusker.domain.interest import deduction_at_payout
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.models import (
    BankAccount,
    Claim,
    ClaimSettlement,
    ClaimState,
    Disbursal,
    DisbursalLine,
    Invoice,
    LineState,
    Loan,
    Payable,
    PayableLine,
    Payout,
    PayoutState,
    Role,
)
from tusker.services.context import Context
from tusker.services.loans.claims import claim_again, end_claims_without_cause
from tusker.services.loans.payables import face_of
from tusker.services.loans.platform_ids import note_platform_reference, platform_reference_of
from tusker.services.loans.reserve import hold_reserve
from tusker.services.locks import lock_rows
from tusker.services.outbox import addresses_by_company, queue_mail
from tusker.working_days import working_days


def included_lines(disbursal_id: int) -> Sequence[DisbursalLine]:
    """The lines that are to be paid, by invoice."""
    return db.session.scalars(
        select(DisbursalLine)
        .where(DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.state == LineState.INCLUDED)
        .order_by(DisbursalLine.invoice_id)
    ).all()


def make_payouts(
    ctx: Context,
    disbursal: Disbursal,
    invoices: Collection[Invoice],
    passed_on: Collection[tuple[Payable, PayableLine]],
    accounts: Mapping[int, BankAccount],
    start: date,
    claimed: Collection[int],
) -> list[Payout]:
    """Freeze what each supplier is paid for a disbursal that is released to the bank, by supplier id.

    Deductions are reckoned as if every loan began on `start`. The locked payables in `passed_on` come on top; open
    claims about the locked invoices with the ids `claimed` are netted, oldest first, never beyond the payout. Raises
    `InvalidInput` naming `execution_date` when deductions would take an invoice's whole payout.
    """
    lines = {line.invoice_id: line for line in included_lines(disbursal.id)}
    payouts: dict[int, Payout] = {}
    for invoice in invoices:
        terms = invoice.terms
        deducted = deduction_at_payout(invoice.principal, terms, start, working_days().due_date(start, terms))
        if deducted.total >= invoice.principal:
            raise InvalidInput(
                f"Interest and fees of {invoice.number} would take its whole payout.", field="execution_date"
            )
        payout = payouts.get(invoice.supplier_id) or _new_payout(disbursal, invoice.supplier_id, accounts)
        payouts[invoice.supplier_id] = payout
        payout.principal += invoice.principal
        payout.deducted_interest += deducted.interest
        payout.deducted_fee += deducted.fee
        line = lines[invoice.id]
        line.payout = payout
        line.deducted_interest, line.deducted_fee = deducted.interest, deducted.fee
    for payable, passed in passed_on:
        payout = payouts.get(payable.supplier_id) or _new_payout(disbursal, payable.supplier_id, accounts)
        payouts[payable.supplier_id] = payout
        payout.payables += passed.amount
        passed.payout = payout
    with db.session.no_autoflush:
        _net_claims(ctx, disbursal, payouts, claimed)
        for payout in payouts.values():
            payout.net = _before_claims(payout) - payout.claims
    made = [payouts[supplier_id] for supplier_id in sorted(payouts)]
    db.session.add_all(made)
    db.session.flush()
    return made


def _new_payout(disbursal: Disbursal, supplier_id: int, accounts: Mapping[int, BankAccount]) -> Payout:
    return Payout(
        disbursal_id=disbursal.id,
        supplier_id=supplier_id,
        bank_account_id=accounts[supplier_id].id,
        reference=f"P-{disbursal.id}-{supplier_id}",
        principal=0,
        deducted_interest=0,
        deducted_fee=0,
        payables=0,
        claims=0,
        net=0,
        state=PayoutState.INSTRUCTED,
    )


def _before_claims(payout: Payout) -> int:
    return payout.principal - payout.deducted_interest - payout.deducted_fee + payout.payables


def claimed_from(supplier_ids: Collection[int]) -> Sequence[int]:
    """Ids of the invoices about which suppliers have claims to be netted."""
    return db.session.scalars(
        select(Claim.invoice_id).where(
            Claim.supplier_id.in_(supplier_ids), Claim.open_amount > 0, Claim.state == ClaimState.ACCEPTED
        )
    ).all()


def _net_claims(
    ctx: Context, disbursal: Disbursal, payouts: Mapping[int, Payout], claimed: Collection[int]
) -> None:
    claims = lock_rows(
        Claim,
        Claim.supplier_id.in_(payouts),
        Claim.invoice_id.in_(claimed),
        Claim.open_amount > 0,
        Claim.state == ClaimState.ACCEPTED,
    )
    for claim in claims:
        payout = payouts[claim.supplier_id]
        left = _before_claims(payout) - payout.claims
        amount = min(claim.open_amount, left)
        if amount > 0:
            claim.open_amount -= amount
            payout.claims += amount
            db.session.add(_netting(ctx, claim, disbursal.id, amount))


def net_again(ctx: Context, payout: Payout) -> None:
    """Net once more what a payout had been instructed with, each claim by what it was then; raises `Conflict` when one
    of them is not as open any more."""
    amounts: dict[int, int] = {
        claim_id: int(amount)
        for claim_id, amount in db.session.execute(
            select(ClaimSettlement.claim_id, func.max(ClaimSettlement.amount))
            .join(Claim, Claim.id == ClaimSettlement.claim_id)
            .where(
                ClaimSettlement.disbursal_id == payout.disbursal_id, Claim.supplier_id == payout.supplier_id
            )
            .group_by(ClaimSettlement.claim_id)
        )
    }
    for claim in lock_rows(Claim, Claim.id.in_(amounts)):
        claim_again(ctx, claim, amounts[claim.id], f"{payout.reference} is made after all")
        if claim.state != ClaimState.ACCEPTED or claim.open_amount < amounts[claim.id]:
            raise Conflict(
                f"The claims that were netted from {payout.reference} were settled otherwise since; if the money left"
                " all the same, say that it was paid after all."
            )
        claim.open_amount -= amounts[claim.id]
        db.session.add(_netting(ctx, claim, payout.disbursal_id, amounts[claim.id]))
    db.session.flush()


def _netting(ctx: Context, claim: Claim, disbursal_id: int, amount: int) -> ClaimSettlement:
    return ClaimSettlement(claim_id=claim.id, disbursal_id=disbursal_id, amount=amount, booked_on=ctx.today)


def undo_netting(ctx: Context, payout: Payout) -> None:
    """The claims that were netted from a payout which was not made, or came back, are open again. They are locked."""
    if not payout.claims:
        return
    netted: dict[int, int] = {
        claim_id: int(total)
        for claim_id, total in db.session.execute(
            select(ClaimSettlement.claim_id, func.sum(ClaimSettlement.amount))
            .join(Claim, Claim.id == ClaimSettlement.claim_id)
            .where(
                ClaimSettlement.disbursal_id == payout.disbursal_id,
                Claim.supplier_id == payout.supplier_id,
            )
            .group_by(ClaimSettlement.claim_id)
            .having(func.sum(ClaimSettlement.amount) > 0)
        )
    }
    claims = lock_rows(Claim, Claim.id.in_(netted))
    for claim in claims:
        claim.open_amount += netted[claim.id]
        db.session.add(_netting(ctx, claim, payout.disbursal_id, -netted[claim.id]))
    db.session.flush()
    end_claims_without_cause(ctx, claims)


def make_loans(
    ctx: Context,
    disbursal: Disbursal,
    lines: Sequence[DisbursalLine],
    invoices: Mapping[int, Invoice],
    start: date,
    references: Mapping[int, str],
) -> None:
    """Make a loan of each released line's locked invoice, with the deductions that the release froze, and hold its
    reserve. `references` are the lending platform's own loan ids by invoice id. Raises `InvalidInput` naming
    `platform_reference`."""
    named = {invoice_id: platform_reference_of(text) for invoice_id, text in references.items()}
    for line in lines:
        invoice = invoices[line.invoice_id]
        db.session.add(
            Loan(
                reference=f"L-{disbursal.id}-{invoice.id}",
                platform_reference=named.get(invoice.id),
                invoice_id=invoice.id,
                disbursal_id=disbursal.id,
                principal=line.principal,
                open_principal=line.principal,
                fee=invoice.terms.fee_of(line.principal),
                deducted_interest=line.deducted_interest,
                deducted_fee=line.deducted_fee,
                start_date=start,
                due_date=working_days().due_date(start, invoice.terms),
                booked_on=ctx.today,
                face_open=face_of(invoice),
            )
        )
        hold_reserve(ctx, invoice, disbursal.reference)
        line.state = LineState.PAID
        if named.get(invoice.id):
            note_platform_reference(ctx, invoice.id, None, named[invoice.id])
    db.session.flush()


def mail_payouts(
    ctx: Context, disbursal: Disbursal, paid: Sequence[tuple[Payout, Sequence[Invoice]]]
) -> None:
    """Mail suppliers that their money left: one mail a payout, not one an invoice."""
    addresses = addresses_by_company([payout.supplier_id for payout, _ in paid], Role.SUPPLIER)
    for payout, invoices in paid:
        deducted = payout.deducted_interest + payout.deducted_fee
        queue_mail(
            ctx,
            "payout/payout",
            addresses.get(payout.supplier_id, []),
            reference=disbursal.reference,
            bank_reference=payout.bank_reference,
            invoices=[{"number": i.number, "principal": currency().show(i.principal)} for i in invoices],
            principal=currency().show(payout.principal) if payout.principal else "",
            passed_on=currency().show(payout.payables) if payout.payables else "",
            deducted=currency().show(deducted) if deducted else "",
            claims=currency().show(payout.claims) if payout.claims else "",
            total=currency().show(payout.net),
        )
