"""The payment order of a released disbursal."""

from datetime import date

from flask import current_app
from sqlalchemy import select

from tusker.currency import currency
from tusker.domain.accounts import AccountNumber
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder
from tusker.domain.payout.payment_modes import payment_mode
from tusker.errors import Conflict
from tusker.extensions import db
from tusker.messages import say
from tusker.models import BankAccount, Disbursal, DisbursalLine, Invoice, Payout, PayoutState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_disbursal
from tusker.services.payout.release.checks import check_as_accepted
from tusker.working_days import working_days


def take_payment_order(
    ctx: Context, disbursal_id: int, *, debtor: AccountNumber, initiator: str, kind: str
) -> PaymentOrder:
    """The order of a released disbursal. It stays the same, message id included, however often it is taken.

    Only an execution date that has passed gives way to the next working day, for no bank pays in the past. That
    somebody took it is recorded; `kind` is the file's. Raises `Conflict` before the release, and as soon as the bank
    has answered for one of its payouts: a file with that one in it could be paid twice; and where an account is not the
    one that was accepted.
    """
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.released_at is None or disbursal.execution_date is None:
        raise Conflict(
            "Disbursal {reference} is not released yet; there is no file for the bank.",
            reference=disbursal.reference,
        )
    answered = select(Payout.id).where(
        Payout.disbursal_id == disbursal_id,
        Payout.net > 0,
        (Payout.state != PayoutState.INSTRUCTED) | Payout.bank_status.is_not(None),
    )
    if db.session.scalar(answered.limit(1)):
        raise Conflict(
            "The bank has answered for {reference}; its file must not be sent again.",
            reference=disbursal.reference,
        )
    transfers = _transfers(disbursal, debtor)
    if not transfers:
        raise Conflict("No payout of disbursal {reference} needs a transfer.", reference=disbursal.reference)
    day = order_day(disbursal.execution_date, ctx.today)
    record_event(
        ctx,
        disbursal,
        "bank_file",
        to_value=kind,
        reason=say("taken by {actor}", actor=ctx.actor)[:500],
        execution_date=day.isoformat(),
    )
    return PaymentOrder(
        message_id=disbursal.reference,
        created_at=disbursal.released_at,
        execution_date=day,
        debtor=debtor,
        initiator=initiator,
        currency=currency().code,
        transfers=transfers,
    )


def order_day(execution_date: date, today: date) -> date:
    """The day for which a file taken today asks: as released, or when that has passed the next working day."""
    return execution_date if execution_date >= today else working_days().on_or_after(today)


def _transfers(disbursal: Disbursal, debtor: AccountNumber) -> tuple[CreditTransfer, ...]:
    rows = db.session.execute(
        select(Payout, BankAccount)
        .join(BankAccount, BankAccount.id == Payout.bank_account_id)
        .where(Payout.disbursal_id == disbursal.id, Payout.net > 0)
        .order_by(Payout.id)
    ).all()
    check_as_accepted([account for _, account in rows])
    numbers = _invoice_numbers(disbursal.id)
    return tuple(
        CreditTransfer(
            reference=payout.reference,
            creditor=account.account,
            amount=payout.net,
            remittance=f"{disbursal.reference} {', '.join(numbers.get(payout.id, []))}",
            mode=payment_mode(
                payout.net,
                currency().exponent,
                payee_ifsc=account.account.ifsc or "",
                own_ifsc=debtor.ifsc or "",
                instant=current_app.config["INSTANT_PAYMENTS"],
            ),
        )
        for payout, account in rows
    )


def _invoice_numbers(disbursal_id: int) -> dict[int | None, list[str]]:
    found: dict[int | None, list[str]] = {}
    rows = db.session.execute(
        select(DisbursalLine.payout_id, Invoice.number)
        .join(Invoice, Invoice.id == DisbursalLine.invoice_id)
        .where(DisbursalLine.disbursal_id == disbursal_id, DisbursalLine.payout_id.is_not(None))
        .order_by(Invoice.number, Invoice.id)
    )
    for payout_id, number in rows:
        found.setdefault(payout_id, []).append(number)
    return found
