"""The pages of proof and events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from flask import render_template, request
from flask.typing import ResponseReturnValue

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.admin.forms import EventFilter
from tusker.admin.links import subject_url
from tusker.models import Role
from tusker.queries.record.chain import check_chain
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.queries.record.events import events_page, known_kinds
from tusker.queries.record.proof import ProofRow, prove
from tusker.web.access import allow
from tusker.web.htmx import render
from tusker.web.paging import page_of

KINDS = (("credit_line", "Credit lines"), ("supplier", "Suppliers"), ("purchaser", "Purchasers"))
SHOWN = 100
"""Limits of a kind on the page; `flask prove --json` has all, and differences are all shown."""
LINKS_A_PAGE = 10_000
"""How many of the chain's newest links the page recomputes; a daily job recomputes all."""


@dataclass(frozen=True, slots=True)
class ProofTable:
    """The limits of one kind and their sums, in minor units."""

    kind: str
    title: str
    rows: list[ProofRow]

    @property
    def shown(self) -> list[ProofRow]:
        """Those that the page shows: the ones used most where there are many."""
        return sorted(self.rows, key=lambda row: -row.used)[:SHOWN] if len(self.rows) > SHOWN else self.rows

    @property
    def limit(self) -> int:
        """Sum of the limits."""
        return sum(row.limit for row in self.rows)

    @property
    def used(self) -> int:
        """Sum of the stored exposures."""
        return sum(row.used for row in self.rows)

    @property
    def open_principal(self) -> int:
        """Sum of the invoices' open principal."""
        return sum(row.open_principal for row in self.rows)

    @property
    def available(self) -> int:
        """Sum of what is left where something is left."""
        return sum(max(0, row.available) for row in self.rows)

    @property
    def overdrawn(self) -> int:
        """Sum of what is used beyond limits that were lowered."""
        return sum(max(0, -row.available) for row in self.rows)


@bp.get("/proof")
@allow(Role.ADMIN, Role.AUDITOR)
def proof() -> ResponseReturnValue:
    """Prove every limit and counter against its invoices, and the chain of events."""
    found = prove()
    tables = [
        ProofTable(kind, title, [row for row in found.accounts if row.kind == kind]) for kind, title in KINDS
    ]
    now = clock.now()
    chain = check_chain(newest=LINKS_A_PAGE)
    return render_template(
        "admin/record/proof.html",
        proof=found,
        tables=tables,
        chain=chain,
        chain_problems=chain.problems(now),
        at=now,
        subject_url=subject_url,
    )


@bp.get("/events")
@allow(Role.ADMIN, Role.AUDITOR)
def events() -> ResponseReturnValue:
    """All events, the newest first."""
    filters = EventFilter(request.args)
    filters.kind.choices = [(kind, kind.replace("_", " ").capitalize()) for kind in known_kinds()]
    page = page_of(partial(events_page, **filters.asked()))
    return render(
        "admin/record/events.html",
        filters=filters,
        page=page,
        names=names_of_subjects(page.items),
        subject_url=subject_url,
    )
