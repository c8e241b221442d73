"""What is paid to whom for a disbursal: principal less what is deducted and less claims, and the loans it makes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.interest import deduction_at_payout, due_date
from tusker.errors import Duplicate, InvalidInput
from tusker.extensions import db
from tusker.models import Claim, ClaimSettlement, Disbursal, Invoice, Loan, Role
from tusker.services.context import Context
from tusker.services.outbox import company_addresses, queue_mail
from tusker.services.reserve import hold_reserve


@dataclass(slots=True)
class Payout:
    """What one supplier gets: net = principal − deducted interest and fees − claims, in minor units."""

    supplier_id: int
    invoices: list[Invoice]
    principal: int = 0
    deducted: int = 0
    claims: int = 0

    @property
    def net(self) -> int:
        """The amount to transfer."""
        return self.principal - self.deducted - self.claims


def payouts_for(invoices: Collection[Invoice], start: date) -> list[Payout]:
    """What each supplier gets when these invoices are paid out on `start`, before claims; by supplier id."""
    by_supplier: dict[int, Payout] = {}
    for invoice in invoices:
        payout = by_supplier.setdefault(invoice.supplier_id, Payout(invoice.supplier_id, []))
        payout.invoices.append(invoice)
        payout.principal += invoice.principal
        payout.deducted += deduction_at_payout(invoice.principal, invoice.terms, start).total
    return [by_supplier[supplier_id] for supplier_id in sorted(by_supplier)]


def make_loans(
    ctx: Context,
    disbursal: Disbursal,
    invoices: Collection[Invoice],
    start: date,
    references: Mapping[int, str],
) -> list[Loan]:
    """Make a loan of each locked invoice and hold its reserve. Raises typed errors naming `loan_references`."""
    _check_references(references)
    loans = []
    for invoice in invoices:
        terms = invoice.terms
        deducted = deduction_at_payout(invoice.principal, terms, start)
        if deducted.total >= invoice.principal:
            raise InvalidInput(
                f"Interest and fees of {invoice.number} would take its whole payout.", field="value_date"
            )
        loans.append(
            Loan(
                reference=references.get(invoice.id, "").strip() or f"L-{disbursal.id}-{invoice.id}",
                invoice_id=invoice.id,
                disbursal_id=disbursal.id,
                principal=invoice.principal,
                open_principal=invoice.principal,
                fee=terms.fee_of(invoice.principal),
                deducted_interest=deducted.interest,
                deducted_fee=deducted.fee,
                start_date=start,
                due_date=due_date(start, terms),
                booked_on=ctx.today,
            )
        )
        hold_reserve(ctx, invoice, disbursal.reference)
    db.session.add_all(loans)
    db.session.flush()
    return loans


def settle_claims(ctx: Context, disbursal: Disbursal, payouts: Collection[Payout]) -> None:
    """Net the suppliers' open claims, oldest first, from their payouts; never more than the payout."""
    claims = db.session.scalars(
        select(Claim)
        .where(Claim.supplier_id.in_([p.supplier_id for p in payouts]), Claim.open_amount > 0)
        .order_by(Claim.id)
        .with_for_update(key_share=True)
    ).all()
    by_supplier = {payout.supplier_id: payout for payout in payouts}
    for claim in claims:
        payout = by_supplier[claim.supplier_id]
        amount = min(claim.open_amount, payout.net)
        if amount > 0:
            claim.open_amount -= amount
            payout.claims += amount
            db.session.add(
                ClaimSettlement(
                    claim_id=claim.id, disbursal_id=disbursal.id, amount=amount, booked_on=ctx.today
                )
            )
    db.session.flush()


def mail_payouts(ctx: Context, disbursal: Disbursal, payouts: Collection[Payout]) -> None:
    """One mail a supplier, not one an invoice."""
    for payout in payouts:
        queue_mail(
            ctx,
            "payout",
            company_addresses(payout.supplier_id, Role.SUPPLIER),
            reference=disbursal.reference,
            bank_reference=disbursal.bank_reference,
            invoices=[
                {"number": i.number, "principal": currency().show(i.principal)} for i in payout.invoices
            ],
            principal=currency().show(payout.principal),
            deducted=currency().show(payout.deducted) if payout.deducted else "",
            claims=currency().show(payout.claims) if payout.claims else "",
            total=currency().show(payout.net),
        )


def _check_references(references: Mapping[int, str]) -> None:
    given = [reference.strip() for reference in references.values() if reference.strip()]
    if len(set(given)) != len(given):
        raise InvalidInput("Each loan id may be used once only.", field="loan_references")
    if any(len(reference) > 40 for reference in given):
        raise InvalidInput("A loan id may have at most 40 characters.", field="loan_references")
    taken = (
        db.session.scalars(select(Loan.reference).where(Loan.reference.in_(given))).first() if given else None
    )
    if taken:
        raise Duplicate(f"Loan id “{taken}” exists already.", field="loan_references")
