"""Another admin accepts or refuses what one proposed; who proposed it may withdraw it."""

from dataclasses import replace
from typing import Any

from tusker.errors import Conflict, NotAllowed
from tusker.extensions import db
from tusker.messages import coded, say, worded
from tusker.models import Proposal, ProposalState
from tusker.services.approvals.actions import ACTIONS, ON_REFUSAL, TITLES
from tusker.services.context import Context
from tusker.services.locks import lock_active_admins, lock_row
from tusker.services.proposals import note_proposal, second_admin
from tusker.services.reasons import reason_of


def accept(ctx: Context, proposal_id: int) -> Proposal:
    """Do what was proposed, by another admin's word; with the proposer's own where no second is asked for any more.

    All is checked again as things stand. Raises `NotAllowed` for who proposed it, `Conflict` once it is decided and
    when it would change something else than was seen, whatever the action itself refuses.
    """
    proposal = _locked(ctx, proposal_id)
    proposal.second_admin = second_admin()
    if proposal.second_admin and proposal.proposed_by is None:
        raise NotAllowed("Its proposer is not known: refuse it and propose it again.")
    if proposal.second_admin and proposal.proposed_by == ctx.actor_id:
        raise NotAllowed("You proposed this; another admin must accept it.")
    _decide(ctx, proposal, ProposalState.ACCEPTED, "")
    proposer = proposal.proposer.name if proposal.proposer else say("the command line")
    by_both = replace(
        ctx, actor=say("{actor}, proposed by {proposer}", actor=ctx.actor[:55], proposer=proposer[:45])
    )
    seen, done = _fixed(proposal.changes), _fixed(ACTIONS[proposal.kind].carry_out(by_both, proposal))
    # What was proposed before there were proposals says no more than what it is about.
    if done != seen and not any(row.get("before_upgrade") for row in seen):
        raise Conflict("Things have changed since this was proposed: {seen}.", seen=_difference(seen, done))
    return proposal


def refuse(ctx: Context, proposal_id: int, *, reason: str) -> Proposal:
    """Leave everything as it is; who proposed it withdraws it so."""
    why = reason_of(reason)
    proposal = _locked(ctx, proposal_id)
    own = ctx.actor_id == proposal.proposed_by
    _decide(ctx, proposal, ProposalState.WITHDRAWN if own else ProposalState.REFUSED, why)
    if proposal.kind in ON_REFUSAL:
        ON_REFUSAL[proposal.kind](ctx, proposal)
    return proposal


def _locked(ctx: Context, proposal_id: int) -> Proposal:
    """The open proposal. The admins are locked first, so that who decides is one still."""
    if ctx.actor_id is None or ctx.actor_id not in {admin.id for admin in lock_active_admins()}:
        raise NotAllowed("An active admin must be signed in to decide on this.")
    proposal = lock_row(say("proposal"), Proposal, Proposal.id == proposal_id)
    if proposal.state != ProposalState.OPEN:
        raise Conflict("This was {state} in the meantime.", state=proposal.state)
    return proposal


def _decide(ctx: Context, proposal: Proposal, state: ProposalState, why: str) -> None:
    proposal.state, proposal.decision_reason = state, why
    proposal.decided_at, proposal.decided_by = ctx.now, ctx.actor_id
    note_proposal(ctx, proposal, TITLES[proposal.kind], why)
    db.session.flush()


def _fixed(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Changes without their amounts, which may grow by the day."""
    return [{name: value for name, value in row.items() if name != "amount"} for row in changes]


def _difference(seen: list[dict[str, Any]], now: list[dict[str, Any]]) -> str:
    """The first thing that is not as it was seen, in words."""
    [row, *_] = [row for row in now if row not in seen] or [row for row in seen if row not in now]
    what, before, after = coded(row["what"]), _value(row["from"]), _value(row["to"])
    if row not in now:
        return say("“{what}” is no longer changed to {after}", what=what, after=after)
    if before != after:
        return say(
            "“{what}” would now change from {before} to {after}", what=what, before=before, after=after
        )
    known = [old["to"] for old in seen if (old["subject"], old["what"]) == (row["subject"], row["what"])]
    return say(
        "“{what}” was {before} then and is {after} now",
        what=what,
        before=_value(known[0] if known else None),
        after=after,
    )


def _value(code: str | None) -> str:
    return worded(code) if code else say("none")
