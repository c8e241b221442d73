"""What is paid to whom for a disbursal: principal less what is deducted and less claims, and the loans it makes."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import groupby

from sqlalchemy import ColumnElement, Row, func, select, text, union_all

from tusker.chunks import chunks
from tusker.currency import currency
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    BankAccount,
    Claim,
    ClaimSettlement,
    ClaimState,
    Disbursal,
    DisbursalLine,
    Invoice,
    LineState,
    Payable,
    PayableLine,
    Payout,
    PayoutState,
    Role,
)
from tusker.queries.payout.payouts import deductions_of, fees_of
from tusker.services.context import Context
from tusker.services.loans.book.platform_ids import note_platform_reference, platform_reference_of
from tusker.services.loans.claims import claim_again, end_claims_without_cause
from tusker.services.locks import among, forget, lock_rows
from tusker.services.outbox import addresses_by_company, queue_mail

_FREEZE = text(
    """
    UPDATE disbursal_lines l SET payout_id = p.id, deducted_interest = COALESCE(k.interest, 0),
        deducted_fee = COALESCE(k.fee, 0)
    FROM invoices i JOIN payouts p ON p.supplier_id = i.supplier_id AND p.disbursal_id = :disbursal_id
    LEFT JOIN unnest(CAST(:ids AS bigint[]), CAST(:interest AS bigint[]), CAST(:fee AS bigint[]))
        AS k (id, interest, fee) ON k.id = i.id
    WHERE l.disbursal_id = :disbursal_id AND l.state = 'included' AND i.id = l.invoice_id
    """
)
CHUNK = 10_000
"""Lines that are worked out at a time."""


def make_payouts(
    ctx: Context,
    disbursal: Disbursal,
    invoices: Sequence[Row[int, int, int]],
    passed_on: Collection[tuple[Payable, PayableLine]],
    accounts: Mapping[int, BankAccount],
    start: date,
    claimed: Collection[int],
) -> list[Payout]:
    """Freeze what each supplier is paid for a disbursal that is released to the bank, by supplier id.

    `invoices` are all that are included, locked: id, principal in minor units, supplier_id. Deductions are reckoned as
    if every loan began on `start`. The locked payables in `passed_on` come on top; open claims about the locked
    invoices with the ids `claimed` are netted, oldest first, never beyond the payout. Raises `InvalidInput` naming
    `execution_date` when deductions would take an invoice's whole payout.
    """
    # Summed as plain numbers: there may be a hundred thousand of them.
    principals: Counter[int] = Counter()
    for _, principal, supplier_id in invoices:
        principals[supplier_id] += principal
    payouts = {
        supplier_id: _new_payout(disbursal, supplier_id, accounts, principal)
        for supplier_id, principal in principals.items()
    }
    kept = _deduct(payouts, [row.id for row in invoices], start)
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
    ids, interest, fee = (list(column) for column in zip(*kept, strict=True)) if kept else ([], [], [])
    frozen = {"disbursal_id": disbursal.id, "ids": ids, "interest": interest, "fee": fee}
    db.session.execute(_FREEZE, frozen)
    forget(DisbursalLine)
    return made


def _deduct(
    payouts: Mapping[int, Payout], invoice_ids: Sequence[int], start: date
) -> list[tuple[int, int, int]]:
    """Deduct interest and fees from the payouts by supplier; returns both by invoice."""
    kept: list[tuple[int, int, int]] = []
    for invoice_id, supplier_id, principal, deducted in deductions_of(invoice_ids, start):
        if deducted.total >= principal:
            number = db.session.scalar(select(Invoice.number).where(Invoice.id == invoice_id))
            raise InvalidInput(
                "Interest and fees of {number} would take its whole payout.",
                number=number,
                field="execution_date",
            )
        payouts[supplier_id].deducted_interest += deducted.interest
        payouts[supplier_id].deducted_fee += deducted.fee
        kept.append((invoice_id, deducted.interest, deducted.fee))
    return kept


def _new_payout(
    disbursal: Disbursal, supplier_id: int, accounts: Mapping[int, BankAccount], principal: int = 0
) -> Payout:
    return Payout(
        disbursal_id=disbursal.id,
        supplier_id=supplier_id,
        bank_account_id=accounts[supplier_id].id,
        reference=f"P-{disbursal.id}-{supplier_id}",
        principal=principal,
        deducted_interest=0,
        deducted_fee=0,
        payables=0,
        claims=0,
        net=0,
        state=PayoutState.INSTRUCTED,
    )


def _before_claims(payout: Payout) -> int:
    return payout.principal - payout.deducted_interest - payout.deducted_fee + payout.payables


def claimed_from(disbursal_id: int) -> Sequence[int]:
    """Ids of the invoices about which those whom a disbursal pays have claims to be netted."""
    paid = select(Invoice.supplier_id).join(DisbursalLine, DisbursalLine.invoice_id == Invoice.id)
    passed_on = select(Payable.supplier_id).join(PayableLine, PayableLine.payable_id == Payable.id)
    suppliers = union_all(
        *(
            query.where(line.disbursal_id == disbursal_id, line.state == LineState.INCLUDED)
            for query, line in ((paid, DisbursalLine), (passed_on, PayableLine))
        )
    )
    return db.session.scalars(
        select(Claim.invoice_id).where(
            Claim.supplier_id.in_(suppliers), Claim.open_amount > 0, Claim.state == ClaimState.ACCEPTED
        )
    ).all()


def _net_claims(
    ctx: Context, disbursal: Disbursal, payouts: Mapping[int, Payout], claimed: Collection[int]
) -> None:
    if not claimed:
        return
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
    amounts = _netted_by_claim(payout, func.max(ClaimSettlement.amount))
    for claim in lock_rows(Claim, Claim.id.in_(amounts)):
        claim_again(
            ctx, claim, amounts[claim.id], say("{reference} is made after all", reference=payout.reference)
        )
        if claim.state != ClaimState.ACCEPTED or claim.open_amount < amounts[claim.id]:
            raise Conflict(
                "The claims that were netted from {reference} have been settled in another way since; if "
                "the money left anyway, mark it as paid after all.",
                reference=payout.reference,
            )
        claim.open_amount -= amounts[claim.id]
        db.session.add(_netting(ctx, claim, payout.disbursal_id, amounts[claim.id]))
    db.session.flush()


def _netted_by_claim(payout: Payout, figure: ColumnElement[int]) -> dict[int, int]:
    """A figure of what a payout was netted by for each claim, by claim id, where it is more than nothing."""
    rows = db.session.execute(
        select(ClaimSettlement.claim_id, figure)
        .join(Claim, Claim.id == ClaimSettlement.claim_id)
        .where(ClaimSettlement.disbursal_id == payout.disbursal_id, Claim.supplier_id == payout.supplier_id)
        .group_by(ClaimSettlement.claim_id)
        .having(figure > 0)
    )
    return {claim_id: int(amount) for claim_id, amount in rows}


def _netting(ctx: Context, claim: Claim, disbursal_id: int, amount: int) -> ClaimSettlement:
    return ClaimSettlement(claim_id=claim.id, disbursal_id=disbursal_id, amount=amount, booked_on=ctx.today)


def undo_netting(ctx: Context, payout: Payout) -> None:
    """The claims that were netted from a payout which was not made, or came back, are open again. They are locked."""
    if not payout.claims:
        return
    netted = _netted_by_claim(payout, func.sum(ClaimSettlement.amount))
    claims = lock_rows(Claim, Claim.id.in_(netted))
    for claim in claims:
        claim.open_amount += netted[claim.id]
        db.session.add(_netting(ctx, claim, payout.disbursal_id, -netted[claim.id]))
    db.session.flush()
    end_claims_without_cause(ctx, claims)


# Loans, what of the eligible value is kept in reserve, and the lines: one statement for some thousand invoices.
_OPEN_LOANS = text(
    """
    WITH opened AS (
        SELECT i.id, l.id AS line_id, l.principal, l.deducted_interest, l.deducted_fee, o.fee, o.due, o.named,
            i.amount - i.credit_noted AS eligible, i.principal AS advanced, i.collection
        FROM unnest(CAST(:ids AS bigint[]), CAST(:fees AS bigint[]), CAST(:dues AS date[]), CAST(:named AS text[]))
            AS o (id, fee, due, named)
        JOIN invoices i ON i.id = o.id JOIN disbursal_lines l ON l.invoice_id = o.id AND l.disbursal_id = :disbursal_id
    ), loans AS (
        INSERT INTO loans (reference, platform_reference, invoice_id, disbursal_id, principal, open_principal, fee,
            deducted_interest, deducted_fee, start_date, due_date, booked_on, face_open)
        SELECT 'L-' || :disbursal_id || '-' || id, named, id, :disbursal_id, principal, principal, fee,
            deducted_interest, deducted_fee, :start, due, :today, CASE WHEN collection <> 'debt' THEN eligible END
        FROM opened ORDER BY id
    ), held AS (
        INSERT INTO reserve_movements (invoice_id, kind, amount, at, booked_on, reason)
        SELECT id, 'held', eligible - advanced, :now, :today, :reference FROM opened
        WHERE eligible <> advanced ORDER BY id
    )
    UPDATE disbursal_lines l SET state = 'paid' FROM opened o WHERE l.id = o.line_id
    """
)


def make_loans(
    ctx: Context,
    disbursal: Disbursal,
    invoice_ids: Sequence[int],
    start: date,
    references: Mapping[int, str],
) -> None:
    """Make a loan of each locked invoice whose line was released, with the deductions that the release froze, and hold
    its reserve: what of the eligible value was not advanced. Where the purchaser pays the face value, it owes that.

    `references` are the lending platform's own loan ids by invoice id. Raises `InvalidInput` naming
    `platform_reference`.
    """
    named = {invoice_id: platform_reference_of(text) for invoice_id, text in references.items()}
    db.session.flush()
    for some in chunks(invoice_ids, CHUNK):
        ids, fees, dues = (list(column) for column in zip(*fees_of(some, start), strict=True))
        figures = {"ids": ids, "fees": fees, "dues": dues, "named": [named.get(each) for each in ids]}
        about = {"disbursal_id": disbursal.id, "reference": disbursal.reference, "start": start}
        db.session.execute(_OPEN_LOANS, {**figures, **about, "now": ctx.now, "today": ctx.today})
    for invoice_id in invoice_ids if named else ():
        if named.get(invoice_id):
            note_platform_reference(ctx, invoice_id, None, named[invoice_id])
    forget(DisbursalLine)


def mail_payouts(ctx: Context, disbursal: Disbursal, payouts: Sequence[Payout]) -> None:
    """Mail suppliers that their money left: one mail a payout, not one an invoice."""
    addresses = addresses_by_company([payout.supplier_id for payout in payouts], Role.SUPPLIER)
    told = {payout.id: payout for payout in payouts if payout.supplier_id in addresses}
    if not told:
        return
    paid = db.session.execute(
        select(DisbursalLine.payout_id, Invoice.number, DisbursalLine.principal)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(among(DisbursalLine.payout_id, told), DisbursalLine.state == LineState.PAID)
        .order_by(DisbursalLine.payout_id, Invoice.id)
        .execution_options(yield_per=CHUNK)
    )
    lines = {payout_id: list(rows) for payout_id, rows in groupby(paid, key=lambda row: row.payout_id)}
    for payout in told.values():
        invoices = lines.get(payout.id, [])
        deducted = payout.deducted_interest + payout.deducted_fee
        queue_mail(
            ctx,
            "payout/payout",
            addresses[payout.supplier_id],
            reference=disbursal.reference,
            bank_reference=payout.bank_reference,
            invoices=[{"number": i.number, "principal": currency().show(i.principal)} for i in invoices],
            principal=currency().show(payout.principal) if payout.principal else "",
            passed_on=currency().show(payout.payables) if payout.payables else "",
            deducted=currency().show(deducted) if deducted else "",
            claims=currency().show(payout.claims) if payout.claims else "",
            total=currency().show(payout.net),
        )
