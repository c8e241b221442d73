"""The pages of proof and events."""

from __future__ import annotations

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import EventFilter
from tusker.admin.links import subject_url
from tusker.errors import Conflict
from tusker.models import Role
from tusker.queries.record.chain import check_chain
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.queries.record.events import events_page, known_kinds
from tusker.queries.record.proof import prove
from tusker.queries.record.proof_runs import KeptProof, found_by, last_proof, limits_now
from tusker.queues import enqueue, waiting
from tusker.web.access import acting, allow
from tusker.web.htmx import done, render
from tusker.web.paging import PAGE_SIZE, keyset_page, read_cursor

KINDS = (("credit_line", "Credit lines"), ("supplier", "Suppliers"), ("purchaser", "Purchasers"))
SHOWN = 100
"""Limits of a kind on the page; `flask prove --json` has all."""
LINKS_A_PAGE = 10_000
"""How many of the chain's newest links are recomputed where no proof was kept yet."""
PROVE_JOB = "tusker.jobs.servicing.prove_day"
LONGEST_SECONDS = 3600
"""How long a worker may prove; it reads every event there ever was."""


@bp.get("/proof")
@allow(Role.ADMIN, Role.AUDITOR)
def proof() -> ResponseReturnValue:
    """What the last proof of all figures and of the chain of events found; before the first one, a proof."""
    last = last_proof() or _prove_now()
    return render_template(
        "admin/record/proof.html",
        last=last,
        proof=last.found,
        titles=dict(KINDS),
        tables=limits_now(tuple(kind for kind, _ in KINDS), most=SHOWN),
        running=waiting(PROVE_JOB) > 0,
        subject_url=subject_url,
    )


@bp.post("/proof")
@allow(Role.ADMIN, costly=True)
def prove_again() -> ResponseReturnValue:
    """Have a worker prove everything now."""
    if not waiting(PROVE_JOB) and not enqueue(PROVE_JOB, job_timeout=LONGEST_SECONDS):
        raise Conflict("No worker can be reached now. `flask prove` proves at once.")
    return done("The proof is running; refresh this page in a minute.", to=url_for("admin.proof"))


def _prove_now() -> KeptProof:
    ctx, chain = acting(), check_chain(newest=LINKS_A_PAGE)
    return KeptProof(ctx.now, ctx.actor, found_by(prove(), chain, chain.problems(ctx.now)))


@bp.get("/events")
@allow(Role.ADMIN, Role.AUDITOR)
def events() -> ResponseReturnValue:
    """All events, the newest first."""
    filters = EventFilter(request.args)
    filters.kind.choices = [(kind, kind.replace("_", " ").capitalize()) for kind in known_kinds()]
    cursor = read_cursor()
    rows, end = events_page(cursor=cursor, limit=PAGE_SIZE + 1, **filters.asked())
    page = keyset_page(rows, cursor)
    if end is not None:
        page = page.going_on(end, cursor)
    return render(
        "admin/record/events.html",
        filters=filters,
        page=page,
        names=names_of_subjects(page.items),
        subject_url=subject_url,
    )
