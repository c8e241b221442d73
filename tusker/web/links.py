"""The addresses of what lists, events and searches are about."""

from typing import Any

from flask import url_for

_PAGES = {
    "invoice": ("invoices.show", "invoice_id"),
    "customer": ("customers.show", "customer_id"),
    "supplier": ("customers.show", "customer_id"),
    "purchaser": ("customers.show", "customer_id"),
    "credit_line": ("customers.line", "line_id"),
    "disbursal": ("admin.disbursal", "disbursal_id"),
    "receipt": ("admin.receipt", "receipt_id"),
    "statement": ("admin.statement", "statement_id"),
    "statement_entry": ("admin.statement_entry", "entry_id"),
}


def subject_url(subject: str, subject_id: int) -> str | None:
    """The page of an event's subject; None for what has none."""
    if subject == "risk_rule":
        return url_for("admin.rules")
    if subject not in _PAGES:
        return None
    endpoint, argument = _PAGES[subject]
    values: dict[str, Any] = {argument: subject_id}
    return url_for(endpoint, **values)
