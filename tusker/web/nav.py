"""The navigation of each role."""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_login import current_user

from tusker.models import Role
from tusker.queries.attention import count_open
from tusker.queries.proposals import count_to_approve


@dataclass(frozen=True, slots=True)
class NavEntry:
    """One link of the navigation."""

    label: str
    icon: str
    url: str
    active: bool
    count: int | None = None
    """How many items wait there; None where that is not counted."""
    endpoint: str = ""


# (label, icon, endpoint, group); a new group starts with a thin line above it
_STAFF = (
    ("Dashboard", "gauge", "admin.dashboard", "work"),
    ("Attention", "bell", "admin.attention", "work"),
    ("To approve", "circle-check", "admin.approvals", "work"),
    ("Invoices", "file-invoice", "invoices.index", "work"),
    ("To be financed", "hourglass", "admin.queue", "work"),
    ("Disbursals", "building-bank", "admin.disbursals", "work"),
    ("Repayments", "receipt-refund", "admin.loans", "work"),
    ("Receipts", "receipt", "admin.receipts", "work"),
    ("Deductions", "receipt-refund", "admin.deductions_list", "work"),
    ("Bank statements", "file-spreadsheet", "admin.statements", "work"),
    ("Bank charges", "coins", "admin.charges", "reports"),
    ("Customers", "building-store", "customers.index", "book"),
    ("Credit lines", "arrows-exchange", "customers.lines", "book"),
    ("Risk rules", "scale", "admin.rules", "book"),
    ("Import", "upload", "admin.import_invoices", "book"),
    ("Ageing", "calendar-due", "reports.ageing", "reports"),
    ("Classification", "scale", "reports.classification", "reports"),
    ("Exposure", "chart-bar", "reports.exposure", "reports"),
    ("Statements", "report-money", "reports.statement", "reports"),
    ("Calculator", "calculator", "reports.calculator", "reports"),
    ("Tracking", "truck-delivery", "admin.tracking", "control"),
    ("Proof", "scale", "admin.proof", "control"),
    ("Events", "history", "admin.events", "control"),
    ("Users", "users", "admin.users", "control"),
    ("Access log", "lock", "admin.access_log", "control"),
    ("Carriers", "truck-delivery", "admin.carriers", "control"),
    ("System", "gauge", "admin.system", "control"),
)
_SUPPLIER = (
    ("Dashboard", "gauge", "invoices.dashboard", "work"),
    ("Request financing", "cash", "invoices.new", "work"),
    ("Invoices", "file-invoice", "invoices.index", "work"),
    ("Waiting list", "hourglass", "invoices.waiting_list", "work"),
    ("Credit lines", "arrows-exchange", "customers.my_lines", "book"),
    ("Ageing", "calendar-due", "reports.ageing", "reports"),
    ("Exposure", "chart-bar", "reports.exposure", "reports"),
    ("Statement", "report-money", "reports.statement", "reports"),
    ("Calculator", "calculator", "reports.calculator", "reports"),
    ("Bank details", "building-bank", "customers.my_bank_details", "control"),
    ("API tokens", "key", "customers.my_tokens", "control"),
)
_PURCHASER = (
    ("Dashboard", "gauge", "invoices.dashboard", "work"),
    ("Invoices", "file-invoice", "invoices.index", "work"),
    ("To confirm", "circle-check", "invoices.to_confirm", "work"),
    ("To repay", "receipt-refund", "invoices.to_repay", "work"),
    ("Credit lines", "arrows-exchange", "customers.my_lines", "book"),
    ("Ageing", "calendar-due", "reports.ageing", "reports"),
    ("Exposure", "chart-bar", "reports.exposure", "reports"),
    ("Statement", "report-money", "reports.statement", "reports"),
    ("Calculator", "calculator", "reports.calculator", "reports"),
)
COUNTS = {"admin.attention": count_open, "admin.approvals": count_to_approve}
"""Entries that show how many items wait."""
BY_ROLE = {Role.ADMIN: _STAFF, Role.AUDITOR: _STAFF, Role.SUPPLIER: _SUPPLIER, Role.PURCHASER: _PURCHASER}
HOME = {
    Role.ADMIN: "admin.dashboard",
    Role.AUDITOR: "admin.dashboard",
    Role.SUPPLIER: "invoices.dashboard",
    Role.PURCHASER: "invoices.dashboard",
}


def navigation() -> list[list[NavEntry]]:
    """The signed-in user's links in groups; pages that this build does not have are left out."""
    if not current_user.is_authenticated:
        return []
    groups: dict[str, list[NavEntry]] = {}
    here = request.endpoint or ""
    active = _active(here)
    for label, icon, endpoint, group in BY_ROLE[Role(current_user.role)]:
        if endpoint in current_app.view_functions:
            count = COUNTS[endpoint]() if endpoint in COUNTS else None
            groups.setdefault(group, []).append(
                NavEntry(label, icon, url_for(endpoint), endpoint == active, count, endpoint)
            )
    return list(groups.values())


def counted_entries() -> dict[str, int]:
    """How many items wait behind those of the signed-in user's links that count them, by endpoint."""
    if not current_user.is_authenticated:
        return {}
    mine = {entry[2] for entry in BY_ROLE[Role(current_user.role)]}
    return {endpoint: count() for endpoint, count in COUNTS.items() if endpoint in mine}


def _active(endpoint: str) -> str | None:
    """The entry that a page belongs to: itself, or the longest entry whose path the page's path starts with. What staff
    do to an invoice or customer under `/admin` belongs to those; nothing belongs to a dashboard but itself."""
    entries = [
        entry[2] for entry in BY_ROLE[Role(current_user.role)] if entry[2] in current_app.view_functions
    ]
    if endpoint in entries:
        return endpoint
    # a form that is shown again stands at its list's own path under another endpoint
    here = request.path.rstrip("/") + "/"
    paths = here, here.removeprefix("/admin")
    below = [
        e
        for e in entries
        if e not in HOME.values() and any(path.startswith(url_for(e).rstrip("/") + "/") for path in paths)
    ]
    return max(below, key=lambda e: len(url_for(e)), default=None)


def home_url() -> str:
    """Where the signed-in user starts: the dashboard, or the account page where there is none."""
    endpoint = HOME[Role(current_user.role)]
    return url_for(endpoint) if endpoint in current_app.view_functions else url_for("auth.account")
