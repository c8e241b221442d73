"""What one admin proposed: another accepts or refuses it, who proposed it may withdraw it."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import ProposalFilter
from tusker.errors import TuskerError
from tusker.messages import say
from tusker.models import Proposal, Role
from tusker.queries.proposals import proposals_page, proposed_account
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.services.approvals.actions import TITLES
from tusker.services.approvals.deciding import accept, refuse
from tusker.services.proposals import name_of, second_admin
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import done, render
from tusker.web.links import subject_url
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf


@dataclass(frozen=True, slots=True)
class NamedProposal:
    """A proposal with the name of what it is about."""

    id: int
    name: str
    proposal: Proposal


PROPOSALS = ListOf(
    "approvals",
    say("To approve"),
    "admin.approvals",
    (
        Column("id", say("Id"), Kind.NUMBER),
        Column("proposed_at", say("Proposed"), Kind.MOMENT, lambda row: row.proposal.proposed_at, sorts=True),
        Column("change", say("Kind"), value=lambda row: TITLES[row.proposal.kind]),
        Column("name", say("About")),
        Column(
            "proposer",
            say("Proposed by"),
            value=lambda row: row.proposal.proposer and row.proposal.proposer.name,
        ),
        Column("reason", say("Reason"), value=lambda row: row.proposal.reason),
        Column("state", say("State"), Kind.STATUS, lambda row: row.proposal.state),
        Column("decided_at", say("Decided"), Kind.MOMENT, lambda row: row.proposal.decided_at),
        Column(
            "decider", say("Decided by"), value=lambda row: row.proposal.decider and row.proposal.decider.name
        ),
        Column("decision", say("Why"), value=lambda row: row.proposal.decision_reason),
    ),
    order="-proposed_at",
    by_id="proposed_at",
    row=("proposal", "id"),
)
PAGE, PARTIAL = "admin/approvals/proposals.html", "admin/approvals/_proposals.html"


@bp.get("/approvals")
@allow(Role.ADMIN, Role.AUDITOR)
def approvals() -> ResponseReturnValue:
    """What waits for another admin, or what was decided, the newest first."""
    return render(PAGE, PARTIAL, **_context())


def _named(**asked: Any) -> list[NamedProposal]:
    rows = proposals_page(**asked)
    names = names_of_subjects(rows)
    return [NamedProposal(row.id, name_of(row, names), row) for row in rows]


PROPOSALS.serve_files(bp, "/approvals", *STAFF, form=ProposalFilter, query=_named)


@bp.post("/approvals/<int:proposal_id>/accept")
@allow(Role.ADMIN, fresh=True)
def accept_proposal(proposal_id: int) -> ResponseReturnValue:
    try:
        with transaction():
            accept(acting(), proposal_id)
    except TuskerError as error:
        return _refused(error)
    return _decided(say("Accepted. The change is in effect."))


@bp.post("/approvals/<int:proposal_id>/refuse")
@allow(Role.ADMIN)
def refuse_proposal(proposal_id: int) -> ResponseReturnValue:
    """Refuse what another proposed, or withdraw one's own proposal."""
    try:
        with transaction():
            state = refuse(acting(), proposal_id, reason=sent_reason()).state
    except TuskerError as error:
        return _refused(error)
    return _decided(say("The proposal is {state}.", state=state))


def _decided(message: str) -> Response:
    return done(message, to=url_for("admin.approvals"), partial=PARTIAL, **_context())


def _refused(error: TuskerError) -> Response:
    return render(PAGE, PARTIAL, status=error.http_status, problem=error.message, **_context())


def _context() -> dict[str, Any]:
    filters = ProposalFilter(request.args)
    shown = PROPOSALS.shown(filters, partial(proposals_page, **filters.asked()))
    return {
        "list": shown,
        "titles": TITLES,
        "names": names_of_subjects(shown.page.items),
        "name_of": name_of,
        "account_of": proposed_account,
        "subject_url": subject_url,
        "second_admin": second_admin(),
    }
