"""Finding things by what people call them, for commands and imported files."""

from collections.abc import Collection, Set

from sqlalchemy import Select, column, func, or_, select, text

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import (
    Customer,
    Disbursal,
    DisbursalLine,
    Invoice,
    LineState,
    Loan,
    Payout,
    Role,
    User,
    WaitingRequest,
    WaitingState,
)
from tusker.models.credit.invoice import LIVE_NUMBER

_COMPANIES = (
    text(
        """
        SELECT DISTINCT ON (key) key, id FROM (
            SELECT key, id, 1 AS rank FROM unnest(CAST(:names AS text[])) AS n (key) JOIN customers ON reference = key
            UNION ALL
            SELECT key, id, 2 FROM unnest(CAST(:names AS text[])) AS n (key) JOIN customers ON lower(name) = lower(key)
        ) AS hits ORDER BY key, rank
        """
    )
    .columns(column("key"), column("id"))
    .subquery("called")
)


def companies_called(names: Collection[str]) -> dict[str, Customer]:
    """Companies by the texts that name them: their reference or, in any case, their name. Other texts are left out.

    A reference goes before a name, where two companies share a text. One query.
    """
    query = select(_COMPANIES.c.key, Customer).select_from(Customer)
    query = query.join(_COMPANIES, _COMPANIES.c.id == Customer.id)
    rows = db.session.execute(query, {"names": sorted(names)})
    return {key: company for key, company in rows}


def company_called(name: str, *, field: str, or_id: bool = False) -> Customer:
    """The company with this reference or name, or with this id where that is allowed; raises `NotFound` for `field`."""
    wanted = " ".join(name.split())
    found = companies_called([wanted]).get(wanted)
    if found is None and or_id and is_id(wanted):
        found = db.session.get(Customer, int(wanted))
    if found is None:
        known_by = say("name, reference or id") if or_id else say("name or reference")
        raise NotFound(
            "No customer has the {known_by} “{wanted}”.", known_by=known_by, wanted=wanted[:120], field=field
        )
    return found


def admin_called(email: str) -> User:
    """The active admin with this address; raises `NotFound`."""
    found: User | None = db.session.scalar(
        select(User).where(User.email == email.strip().lower(), User.role == Role.ADMIN, User.active)
    )
    if found is None:
        raise NotFound("No active admin has the address “{email}”.", email=email[:120], field="as")
    return found


def disbursal_id_of(reference: str) -> int:
    """The id of the disbursal with this reference; raises `NotFound`."""
    found = db.session.scalar(select(Disbursal.id).where(Disbursal.reference == reference.strip()))
    if found is None:
        raise NotFound(
            "No disbursal has the reference “{reference}”.", reference=reference[:40], field="reference"
        )
    return found


def payout_id_of(reference: str) -> int:
    """The id of the payout with this end-to-end id; raises `NotFound`."""
    found = db.session.scalar(select(Payout.id).where(Payout.reference == reference.strip()))
    if found is None:
        raise NotFound("No payout has the reference “{reference}”.", reference=reference[:40], field="payout")
    return found


def financeable_id_of(name: str) -> int:
    """The id of an invoice by its number or `#id`, of those waiting to be financed where the number is not unique."""
    return _one(name, select(Invoice.id, Invoice.status, Invoice.status == InvoiceStatus.FINANCEABLE))


def invoice_id_of(name: str) -> int:
    """The id of an invoice by its number, loan id or `#id`, of those not refused or cancelled."""
    return _one(name, select(Invoice.id, Invoice.status, LIVE_NUMBER), or_loan=True)


def loan_invoice_id_of(name: str) -> int:
    """The id of an invoice by its number, loan id or `#id`, of those disbursed where the number is not unique."""
    query = select(Invoice.id, Invoice.status, Invoice.status == InvoiceStatus.DISBURSED)
    return _one(name, query, or_loan=True)


def waiting_invoice_id_of(name: str) -> int:
    """The id of a refused invoice by its number or `#id`, of those on the waiting list where the number is not unique,
    else the refused one."""
    waits = select(WaitingRequest.id).where(
        WaitingRequest.invoice_id == Invoice.id, WaitingRequest.state == WaitingState.WAITING
    )
    refused = select(Invoice.id, Invoice.status, waits.exists()).where(
        Invoice.status == InvoiceStatus.REJECTED
    )
    return _one(name, refused)


def loans_called(names: Set[str]) -> dict[str, list[int]]:
    """The invoices with a standing loan by the texts that name them: their number or our loan id. One query."""
    standing = select(Invoice.id, Invoice.number, Loan.reference).join(Loan, Loan.invoice_id == Invoice.id)
    wanted = or_(Invoice.number.in_(names), Loan.reference.in_(names))
    return _by_name(standing.where(Loan.reversed_on.is_(None), wanted), names)


def lines_called(disbursal_id: int, names: Set[str]) -> dict[str, list[int]]:
    """The invoices that a disbursal pays by the texts that name them: their number, or our loan id to be. One query."""
    lines = select(
        Invoice.id, Invoice.number, func.concat("L-", DisbursalLine.disbursal_id, "-", Invoice.id)
    ).join(DisbursalLine, DisbursalLine.invoice_id == Invoice.id)
    included = (DisbursalLine.disbursal_id == disbursal_id) & (DisbursalLine.state == LineState.INCLUDED)
    return _by_name(lines.where(included), names)


def _by_name(query: Select[int, str, str], names: Set[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for invoice_id, *called in db.session.execute(query.order_by(Invoice.id)):
        for name in names & set(called):
            found.setdefault(name, []).append(invoice_id)
    return found


def _one(name: str, query: Select[int, str, bool], *, or_loan: bool = False) -> int:
    """The one invoice called so; those in the wanted status (third column) win over others."""
    wanted = name.strip()
    condition = Invoice.number == wanted
    if wanted.startswith("#") and is_id(wanted[1:]):
        condition = Invoice.id == int(wanted[1:])
    elif or_loan:
        query = query.outerjoin(Loan, (Loan.invoice_id == Invoice.id) & Loan.reversed_on.is_(None))
        condition = or_(condition, Loan.reference == wanted)
    rows = db.session.execute(query.where(condition).order_by(Invoice.id)).all()
    fitting = [row for row in rows if row[2]] or rows
    if not fitting:
        raise NotFound(
            "No invoice is called “{wanted}”. An id is written as #12.",
            wanted=wanted[:60],
            field="invoice",
        )
    if len(fitting) > 1:
        ids = ", ".join(f"#{row.id} ({row.status})" for row in fitting[:10])
        raise InvalidInput(
            "Several invoices are called “{wanted}”: choose one of {ids}.",
            wanted=wanted[:60],
            ids=ids,
            field="invoice",
        )
    found: int = fitting[0].id
    return found
