"""What one admin proposed: another accepts or refuses it, who proposed it may withdraw it."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import ProposalFilter
from tusker.admin.links import subject_url
from tusker.errors import TuskerError
from tusker.messages import say
from tusker.models import Role
from tusker.queries.proposals import proposals_page, proposed_account
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.services.approvals.actions import TITLES
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.proposals import name_of, second_admin
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms import sent_reason
from tusker.web.htmx import done, render
from tusker.web.paging import page_of

PAGE, PARTIAL = "admin/approvals/proposals.html", "admin/approvals/_proposals.html"


@bp.get("/approvals")
@allow(Role.ADMIN, Role.AUDITOR)
def approvals() -> ResponseReturnValue:
    """What waits for another admin, or what was decided, the newest first."""
    return render(PAGE, PARTIAL, **_context())


@bp.post("/approvals/<int:proposal_id>/accept")
@allow(Role.ADMIN, fresh=True)
def accept_proposal(proposal_id: int) -> ResponseReturnValue:
    try:
        with transaction():
            accept(acting(), proposal_id)
    except TuskerError as error:
        return _refused(error)
    return done(
        say("Accepted. The change is in effect."),
        to=url_for("admin.approvals"),
        partial=PARTIAL,
        **_context(),
    )


@bp.post("/approvals/<int:proposal_id>/refuse")
@allow(Role.ADMIN)
def refuse_proposal(proposal_id: int) -> ResponseReturnValue:
    """Refuse what another proposed, or withdraw one's own proposal."""
    try:
        with transaction():
            state = refuse(acting(), proposal_id, reason=sent_reason()).state
    except TuskerError as error:
        return _refused(error)
    return done(
        say("The proposal is {state}.", state=state),
        to=url_for("admin.approvals"),
        partial=PARTIAL,
        **_context(),
    )


def _refused(error: TuskerError) -> Response:
    return render(PAGE, PARTIAL, status=error.http_status, problem=error.message, **_context())


def _context() -> dict[str, Any]:
    filters = ProposalFilter(request.args)
    filters.validate()
    page = page_of(partial(proposals_page, decided=filters.state.data == "decided"))
    return {
        "filters": filters,
        "page": page,
        "titles": TITLES,
        "names": names_of_subjects(page.items),
        "name_of": name_of,
        "account_of": proposed_account,
        "subject_url": subject_url,
        "second_admin": second_admin(),
    }
