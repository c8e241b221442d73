"""Invoices as a company sees them now, read from the database."""

from collections.abc import Collection, Sequence
from datetime import date

from tusker.api.credit import invoice_schemas, serializers
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.delivery.financeable import Condition
from tusker.queries import api as queries
from tusker.queries.loans.expected import Plan
from tusker.queries.loans.loans import loans_of_invoices
from tusker.services.credit.expected import plan_now
from tusker.services.delivery.conditions import Judge


def invoices_now(
    company_id: int, invoice_ids: Collection[int], today: date
) -> dict[int, invoice_schemas.Invoice]:
    """Some of a company's invoices by id, as they stand now."""
    rows = queries.invoices_by_id(company_id, invoice_ids)
    loans, missing = loans_of_invoices(invoice_ids, today), missing_for(rows)
    return {
        row.invoice.id: serializers.invoice(
            row,
            company_id,
            loans.get(row.invoice.id),
            missing[row.invoice.id],
            expected=room_for(row),
        )
        for row in rows
    }


def room_for(found: queries.CompanyInvoice) -> Plan | None:
    """Which repayments make room for a refused request, as its supplier may know them."""
    row = found.invoice
    if row.status != InvoiceStatus.REJECTED:
        return None
    return plan_now(row.credit_line, row.principal, seen_by=row.supplier_id)


def missing_for(rows: Sequence[queries.CompanyInvoice]) -> dict[int, Sequence[Condition]]:
    """The conditions that keep approved invoices from being financed, by id: two queries for all of them."""
    approved = [
        (row.invoice, row.shipment)
        for row in rows
        if row.shipment is not None and row.invoice.status == InvoiceStatus.APPROVED
    ]
    judge = Judge(approved) if approved else None
    found = {invoice.id: judge.open_for(invoice, shipment) for invoice, shipment in approved} if judge else {}
    return {row.invoice.id: found.get(row.invoice.id, ()) for row in rows}
