"""The navigation of each role."""

from dataclasses import dataclass

from flask import current_app, request
from flask_login import current_user

from tusker.messages import say
from tusker.models import Role
from tusker.queries.counts import waiting_for_staff
from tusker.web.urls import fixed_url


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


TODAY, MONEY, BOOK = say("Today"), say("Money"), say("Book")
REPORTS, SETTINGS = say("Reports"), say("Settings")

# (label, icon, endpoint, group); each group stands under its head
_STAFF = (
    (say("Dashboard"), "gauge", "admin.dashboard", TODAY),
    (say("Attention"), "bell", "admin.attention", TODAY),
    (say("To approve"), "circle-check", "admin.approvals", TODAY),
    (say("To be financed"), "hourglass", "admin.queue", TODAY),
    (say("Disbursals"), "building-bank", "admin.disbursals", MONEY),
    (say("Loans"), "receipt-refund", "admin.loans", MONEY),
    (say("Receipts"), "receipt", "admin.receipts", MONEY),
    (say("Bank statements"), "file-spreadsheet", "admin.statements", MONEY),
    (say("Deductions"), "percentage", "admin.deductions_list", MONEY),
    (say("Bank charges"), "coins", "admin.charges", MONEY),
    (say("Invoices"), "file-invoice", "invoices.index", BOOK),
    (say("Customers"), "building-store", "customers.index", BOOK),
    (say("Credit lines"), "arrows-exchange", "customers.lines", BOOK),
    (say("Import"), "upload", "admin.import_invoices", BOOK),
    (say("Ageing"), "calendar-due", "reports.ageing", REPORTS),
    (say("Classification"), "scale", "reports.classification", REPORTS),
    (say("Exposure"), "chart-bar", "reports.exposure", REPORTS),
    (say("Statements"), "report-money", "reports.statement", REPORTS),
    (say("Calculator"), "calculator", "reports.calculator", REPORTS),
    (say("Events"), "history", "admin.events", REPORTS),
    (say("Proof"), "shield-check", "admin.proof", REPORTS),
    (say("Risk rules"), "adjustments", "admin.rules", SETTINGS),
    (say("Delivery companies"), "truck-delivery", "admin.carriers", SETTINGS),
    (say("System"), "gauge", "admin.system", SETTINGS),
    (say("Tracking"), "map-pin", "admin.tracking", SETTINGS),
    (say("Users"), "users", "admin.users", SETTINGS),
    (say("Access log"), "lock", "admin.access_log", SETTINGS),
)
_OF_COMPANIES = (
    (say("Invoices"), "file-invoice", "invoices.index", BOOK),
    (say("Credit lines"), "arrows-exchange", "customers.my_lines", BOOK),
    (say("Ageing"), "calendar-due", "reports.ageing", REPORTS),
    (say("Exposure"), "chart-bar", "reports.exposure", REPORTS),
    (say("Statement"), "report-money", "reports.statement", REPORTS),
    (say("Calculator"), "calculator", "reports.calculator", REPORTS),
)
_SUPPLIER = (
    (say("Dashboard"), "gauge", "invoices.dashboard", TODAY),
    (say("Request financing"), "cash", "invoices.new", TODAY),
    (say("Waiting list"), "hourglass", "invoices.waiting_list", TODAY),
    *_OF_COMPANIES,
    (say("Bank details"), "building-bank", "customers.my_bank_details", SETTINGS),
    (say("API tokens"), "key", "customers.my_tokens", SETTINGS),
)
_PURCHASER = (
    (say("Dashboard"), "gauge", "invoices.dashboard", TODAY),
    (say("To confirm"), "circle-check", "invoices.to_confirm", TODAY),
    (say("To repay"), "receipt-refund", "invoices.to_repay", MONEY),
    *_OF_COMPANIES,
)
COUNTED = ("admin.attention", "admin.approvals", "admin.queue")
"""Entries of staff that show how much waits, as `waiting_for_staff` tells it."""
URGENT = COUNTED[:2]
"""Those whose count asks for a person."""
BY_ROLE = {Role.ADMIN: _STAFF, Role.AUDITOR: _STAFF, Role.SUPPLIER: _SUPPLIER, Role.PURCHASER: _PURCHASER}
HOME = {
    Role.ADMIN: "admin.dashboard",
    Role.AUDITOR: "admin.dashboard",
    Role.SUPPLIER: "invoices.dashboard",
    Role.PURCHASER: "invoices.dashboard",
}


def navigation() -> dict[str, list[NavEntry]]:
    """The signed-in user's links by the heads of their groups; pages that this build does not have are left out."""
    if not current_user.is_authenticated:
        return {}
    groups: dict[str, list[NavEntry]] = {}
    counts = counted_entries()
    active = _active(request.endpoint or "")
    for label, icon, endpoint, group in BY_ROLE[Role(current_user.role)]:
        if endpoint in current_app.view_functions:
            groups.setdefault(group, []).append(
                NavEntry(label, icon, fixed_url(endpoint), endpoint == active, counts.get(endpoint), endpoint)
            )
    return groups


def breadcrumbs() -> list[tuple[str, str]]:
    """The way to this page: the link of the navigation that it belongs to, unless it is that page itself."""
    if not current_user.is_authenticated:
        return []
    here = request.endpoint or ""
    active = _active(here)
    return [
        (label, fixed_url(endpoint))
        for label, _, endpoint, _ in BY_ROLE[Role(current_user.role)]
        if endpoint == active != here
    ]


def counted_entries() -> dict[str, int]:
    """How many items wait behind those of the signed-in user's links that count them, by endpoint."""
    if not current_user.is_authenticated or current_user.role not in {Role.ADMIN, Role.AUDITOR}:
        return {}
    return dict(zip(COUNTED, waiting_for_staff(), strict=True))


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
        if e not in HOME.values() and any(path.startswith(fixed_url(e).rstrip("/") + "/") for path in paths)
    ]
    return max(below, key=lambda e: len(fixed_url(e)), default=None)


def home_url() -> str:
    """Where the signed-in user starts: the dashboard, or the account page where there is none."""
    endpoint = HOME[Role(current_user.role)]
    return fixed_url(endpoint) if endpoint in current_app.view_functions else fixed_url("auth.account")
