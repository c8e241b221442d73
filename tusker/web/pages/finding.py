"""The search over everything, what was looked at last, and the shortcuts of the keyboard."""

import logging
from dataclasses import dataclass

from flask import Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from tusker import clock
from tusker.carriers.registry import specs
from tusker.messages import say, shown
from tusker.models import Role
from tusker.queries.finding import Hit, find, recent
from tusker.services.people.saved_views import note_seen
from tusker.transactions import transaction
from tusker.web.access import allow, is_staff, my_scope
from tusker.web.htmx import render, wants_fragment
from tusker.web.links import subject_url
from tusker.web.nav import BY_ROLE
from tusker.web.pages.start import bp
from tusker.web.urls import fixed_url

log = logging.getLogger(__name__)

LONGEST = 60
"""Signs of what is looked for."""
OTHER_CARRIERS = ("manual", "replay")


@dataclass(frozen=True, slots=True)
class Found:
    """One line of the answer: a link with its icon."""

    url: str
    icon: str
    kind: str
    title: str
    detail: str = ""


_KINDS = {
    # kind: what it is called, its icon, whose page it has
    "invoice": (say("Invoice"), "file-invoice", "invoice"),
    "loan": (say("Loan"), "receipt-refund", "invoice"),
    "order": (say("Order"), "truck-delivery", "invoice"),
    "payout": (say("Payout"), "building-bank", "disbursal"),
    "receipt": (say("Receipt"), "receipt", "receipt"),
    "disbursal": (say("Disbursal"), "building-bank", "disbursal"),
    "statement": (say("Bank statement"), "file-spreadsheet", "statement"),
    "entry": (say("Bank statement"), "file-spreadsheet", "statement"),
    "company": (say("Company"), "building-store", "customer"),
    "partner": (say("Company"), "building-store", ""),
    "person": (say("Person"), "users", ""),
    "line": (say("Credit line"), "arrows-exchange", "credit_line"),
}


@bp.get("/search")
@allow()
def search() -> ResponseReturnValue:
    """What is called as in `q`; without it what the person looked at last. htmx asks while one types."""
    words = (request.args.get("q") or "").strip()[:LONGEST]
    return render("search.html", "layout/_found.html", q=words, found=found_for(words))


def found_for(words: str) -> list[Found]:
    """Exact names, then pages, then the rest, all within what the person may see."""
    if not words:
        return [_link(hit) for hit in recent(current_user.id)]
    hits = find(words, my_scope(), staff=is_staff(), carriers=[*specs(), *OTHER_CARRIERS])
    pages = [
        Found(url, icon, say("Page"), label)
        for label, icon, _, url in _pages()
        if words.casefold() in f"{label}\n{shown(label)}".casefold()
    ]
    exact = [_link(hit) for hit in hits if hit.exact]
    found = [*exact, *pages, *(_link(hit) for hit in hits if not hit.exact)]
    # an order has its invoice's page, and mostly its number
    once: dict[str, Found] = {}
    for one in found:
        once.setdefault(one.url, one)
    return list(once.values())


def _link(hit: Hit) -> Found:
    words, icon, _ = _KINDS[hit.kind]
    return Found(_url(hit), icon, words, hit.title, hit.detail)


def _url(hit: Hit) -> str:
    if hit.kind == "payout" and not is_staff():
        return url_for("invoices.index", q=hit.detail)
    if hit.kind == "person":
        return url_for("admin.users", q=hit.detail)
    _, _, subject = _KINDS[hit.kind]
    return subject_url(subject, hit.key) or url_for("invoices.index", q=hit.title)


def remember(kind: str, key: int, title: str) -> None:
    """Have a page of its own, once it is answered, among what the person looked at last."""
    if request.method == "GET" and not wants_fragment():
        g.seen_thing = kind, key, title


def note_what_was_seen(answer: Response) -> Response:
    """After a request. The page is worth more than the note: without it, it is answered all the same."""
    thing: tuple[str, int, str] | None = g.pop("seen_thing", None)
    if thing is None or answer.status_code != 200:
        return answer
    try:
        with transaction():
            if current_user.is_authenticated:
                note_seen(current_user.id, *thing, clock.now())
    except SQLAlchemyError:
        log.exception("what was looked at last is not noted")
    return answer


SHORTCUTS = {
    # what is pressed after g, and the page it opens; the first that a role has counts
    "d": ("admin.dashboard", "invoices.dashboard"),
    "i": ("invoices.index",),
    "q": ("admin.queue",),
    "b": ("admin.disbursals",),
    "l": ("admin.loans", "invoices.to_repay", "customers.my_lines"),
    "r": ("admin.receipts",),
    "s": ("admin.statements", "reports.statement"),
    "a": ("admin.attention",),
    "p": ("admin.approvals",),
    "c": ("customers.index", "invoices.to_confirm"),
    "n": ("invoices.new",),
    "e": ("reports.exposure",),
}


def shortcuts() -> list[tuple[str, str, str]]:
    """Keys, what they open and its address, of the pages that the person's navigation has."""
    if not current_user.is_authenticated:
        return []
    mine = {endpoint: (label, url) for label, _, endpoint, url in _pages()}
    found = []
    for key, endpoints in SHORTCUTS.items():
        endpoint = next((one for one in endpoints if one in mine), None)
        if endpoint is not None:
            found.append((f"g {key}", *mine[endpoint]))
    return found


def _pages() -> list[tuple[str, str, str, str]]:
    """Label, icon, endpoint and address of each page of the person's navigation."""
    return [
        (label, icon, endpoint, fixed_url(endpoint))
        for label, icon, endpoint, _ in BY_ROLE[Role(current_user.role)]
        if endpoint in current_app.view_functions
    ]
