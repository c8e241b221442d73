"""What was proposed, and what waits for another admin."""

from sqlalchemy import func, select

from tusker.domain.accounts import AccountNumber
from tusker.extensions import db
from tusker.models import Proposal, ProposalState
from tusker.queries.paging import NEWEST, Cursor, rows_of_page


def proposals_page(
    *, state: str | None = None, kind: str | None = None, cursor: Cursor = NEWEST, limit: int | None = None
) -> list[Proposal]:
    """Proposals that wait, or with the state `decided` those that were decided, the newest first."""
    is_open = Proposal.state == ProposalState.OPEN
    query = select(Proposal).where(~is_open if state == "decided" else is_open)
    if kind:
        query = query.where(Proposal.kind == kind)
    return [proposal for (proposal,) in rows_of_page(query, Proposal.id, cursor, limit)]


def count_to_approve() -> int:
    found = db.session.scalar(select(func.count(Proposal.id)).where(Proposal.state == ProposalState.OPEN))
    return int(found or 0)


def open_proposals_on(subject: str, *subject_ids: int) -> list[Proposal]:
    """What waits for a decision on things of a kind, the oldest first."""
    query = select(Proposal).where(
        Proposal.subject == subject,
        Proposal.subject_id.in_(subject_ids),
        Proposal.state == ProposalState.OPEN,
    )
    return list(db.session.scalars(query.order_by(Proposal.id)))


def open_proposal(kind: str, subject: str, subject_id: int) -> Proposal | None:
    """The proposal of this kind that waits for a decision on one thing."""
    return next((made for made in open_proposals_on(subject, subject_id) if made.kind == kind), None)


def proposed_account(proposal: Proposal) -> AccountNumber | None:
    """The account that a proposal is about, in full; None where it is about something else."""
    account = proposal.payload.get("account")
    return AccountNumber(**account) if account else None
