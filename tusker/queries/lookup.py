"""Finding one thing by what people call it, for commands."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, or_, select

from tusker.domain.lifecycle import InvoiceStatus
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.models import Disbursal, Invoice, Loan, Payout, Role, User
from tusker.models.invoice import LIVE_NUMBER


def admin_called(email: str) -> User:
    """The active admin with this address; raises `NotFound`."""
    found = db.session.scalar(
        select(User).where(User.email == email.strip().lower(), User.role == Role.ADMIN, User.active)
    )
    if found is None:
        raise NotFound(f"No active admin has the address “{email[:120]}”.", field="as")
    return found


def disbursal_id_of(reference: str) -> int:
    """The id of the disbursal with this reference; raises `NotFound`."""
    found = db.session.scalar(select(Disbursal.id).where(Disbursal.reference == reference.strip()))
    if found is None:
        raise NotFound(f"No disbursal has the reference “{reference[:40]}”.", field="reference")
    return found


def payout_id_of(reference: str) -> int:
    """The id of the payout with this end-to-end id; raises `NotFound`."""
    found = db.session.scalar(select(Payout.id).where(Payout.reference == reference.strip()))
    if found is None:
        raise NotFound(f"No payout has the reference “{reference[:40]}”.", field="payout")
    return found


def financeable_id_of(text: str) -> int:
    """The id of an invoice by its number or `#id`, of those waiting to be financed where the number is not unique."""
    return _one(text, select(Invoice.id, Invoice.status == InvoiceStatus.FINANCEABLE), [Invoice.number])


def invoice_id_of(text: str) -> int:
    """The id of an invoice by its number, loan id or `#id`, of those not refused or cancelled."""
    query = select(Invoice.id, LIVE_NUMBER)
    live = (Loan.invoice_id == Invoice.id) & Loan.reversed_on.is_(None)
    return _one(text, query.outerjoin(Loan, live), [Invoice.number, Loan.reference])


def loan_invoice_id_of(text: str) -> int:
    """The id of a disbursed invoice by its number, loan id or `#id`."""
    query = select(Invoice.id, Invoice.status == InvoiceStatus.DISBURSED)
    live = (Loan.invoice_id == Invoice.id) & Loan.reversed_on.is_(None)
    return _one(text, query.outerjoin(Loan, live), [Invoice.number, Loan.reference])


def _one(text: str, query: Select[int, bool], names: list[Any]) -> int:
    """The one invoice called `text`; those in the wanted status (second column) win over others."""
    wanted = text.strip()
    if wanted.startswith("#") and wanted[1:].isascii() and wanted[1:].isdecimal() and len(wanted) < 19:
        condition = Invoice.id == int(wanted[1:])
    else:
        condition = or_(*(name == wanted for name in names))
    rows = db.session.execute(query.where(condition).order_by(Invoice.id)).all()
    fitting = [row for row in rows if row[1]] or rows
    if not fitting:
        raise NotFound(f"No invoice is called “{wanted[:60]}”.", field="invoice")
    if len(fitting) > 1:
        ids = ", ".join(f"#{row[0]}" for row in fitting[:10])
        raise InvalidInput(
            f"Several invoices are called “{wanted[:60]}”: choose one of {ids}.", field="invoice"
        )
    found: int = fitting[0][0]
    return found
