"""Four eyes: what one admin only proposes where `REQUIRE_SECOND_ADMIN` asks for two.

An `Action` is a use case that is tried first, in a savepoint: it checks all that it always checks, and its events tell
what it would change. Where these ask for a second admin the savepoint is rolled back and what they say becomes a
`Proposal`. `services.approvals` does the same action again when another admin accepts it.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_type_hints

from flask import current_app
from pydantic import TypeAdapter

from tusker.errors import Conflict
from tusker.extensions import db
from tusker.models import Event, Proposal, ProposalState, Role, User
from tusker.queries.proposals import open_proposal
from tusker.queries.record.event_subject_names import names_of_subjects
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.reasons import optional_reason

Given = ParamSpec("Given")
Made = TypeVar("Made")

Names = Mapping[tuple[str, int], str]
Fresh = Mapping[str, Callable[[], object]]


class Action(Generic[Given, Made]):
    """A use case that an admin calls as before; it returns the `Proposal` where another admin has to accept it.

    Made by the decorator `needs_second`. `do` is the use case itself.
    """

    def __init__(
        self,
        do: Callable[Concatenate[Context, Given], Made],
        title: str,
        about: str,
        *,
        always: bool,
        fresh: Fresh,
    ) -> None:
        self.do, self.title, self.about, self.always, self.fresh = do, title, about, always, fresh
        self.kind = do.__name__
        update_wrapper(self, do)

    def __call__(self, ctx: Context, *args: Given.args, **kwargs: Given.kwargs) -> Made | Proposal:
        """Do it, or propose it."""
        if ctx.events is not None or not second_admin() or not _is_admin(ctx):
            return self.do(ctx, *args, **kwargs)
        return self._try(ctx, False, *args, **kwargs)

    def propose(self, ctx: Context, *args: Given.args, **kwargs: Given.kwargs) -> Proposal:
        """Propose it in any case."""
        made = self._try(ctx, True, *args, **kwargs)
        if not isinstance(made, Proposal):
            raise Conflict("It would change nothing.")
        return made

    def carry_out(self, ctx: Context, proposal: Proposal) -> list[dict[str, Any]]:
        """Do what was proposed, as things stand now; returns what it changed."""
        hints, arguments = get_type_hints(self.do), {}
        for name, value in proposal.payload.items():
            arguments[name] = TypeAdapter(hints[name]).validate_python(value)
        for name, now in self.fresh.items():
            arguments[name] = now()
        events: list[Event] = []
        acting = replace(ctx, events=events, proposed_by=proposal.proposed_by)
        self.do(acting, **arguments)  # type: ignore[call-arg]  # the arguments that it was called with
        db.session.flush()
        return changes_in(events)

    def _try(self, ctx: Context, propose: bool, *args: Given.args, **kwargs: Given.kwargs) -> Made | Proposal:
        events: list[Event] = []
        with db.session.begin_nested() as savepoint:
            made = self.do(replace(ctx, events=events), *args, **kwargs)
            db.session.flush()
            asked = propose or self.always or any(event.data.get("asks_second") for event in events)
            if not asked:
                return made
            changes = changes_in(events)
            savepoint.rollback()
        arguments = inspect.signature(self.do).bind(ctx, *args, **kwargs).arguments
        return self._write(ctx, {name: arguments[name] for name in [*arguments][1:]}, changes)

    def _write(self, ctx: Context, arguments: dict[str, Any], changes: list[dict[str, Any]]) -> Proposal:
        subject_id = next(iter(arguments.values())) if self.about != "proposal" else None
        if subject_id is not None and open_proposal(self.kind, self.about, subject_id) is not None:
            raise Conflict(
                "A proposal like this waits for another admin already: it has to be decided on first."
            )
        hints = get_type_hints(self.do)
        proposal = Proposal(
            kind=self.kind,
            subject=self.about,
            subject_id=subject_id,
            payload={
                name: TypeAdapter(hints[name]).dump_python(value, mode="json")
                for name, value in arguments.items()
                if name not in self.fresh
            },
            changes=changes,
            reason=optional_reason(str(arguments.get("reason") or ctx.why)),
            second_admin=second_admin(),
            state=ProposalState.OPEN,
            proposed_at=ctx.now,
            proposed_by=ctx.actor_id,
            decision_reason="",
        )
        db.session.add(proposal)
        db.session.flush()
        note_proposal(ctx, proposal, self.title, proposal.reason)
        self._tell(ctx, proposal)
        return proposal

    def _tell(self, ctx: Context, proposal: Proposal) -> None:
        own = db.session.get(User, ctx.actor_id) if ctx.actor_id is not None else None
        queue_mail(
            ctx,
            "approvals/proposed",
            [address for address in admin_addresses() if own is None or address != own.email],
            title=self.title,
            name=name_of(proposal),
            proposer=ctx.actor,
            changes=proposal.changes,
            reason=proposal.reason,
        )


def needs_second(
    title: str, about: str = "proposal", *, always: bool = True, fresh: Fresh | None = None
) -> Callable[[Callable[Concatenate[Context, Given], Made]], Action[Given, Made]]:
    """Make a use case an `Action`.

    `title` is what it does, in words; `about` the kind of its first argument, as events name it, unless it makes
    something new. Not `always` means: only if one of its events has `asks_second`. `fresh` are arguments that are not
    kept but taken as they are when it is accepted, such as settings.
    """

    def make(do: Callable[Concatenate[Context, Given], Made]) -> Action[Given, Made]:
        return Action(do, title, about, always=always, fresh=fresh or {})

    return make


def second_admin() -> bool:
    """Whether this installation asks for a second admin."""
    return bool(current_app.config["REQUIRE_SECOND_ADMIN"])


def _is_admin(ctx: Context) -> bool:
    user = db.session.get(User, ctx.actor_id) if ctx.actor_id is not None else None
    return user is not None and user.role == Role.ADMIN


def name_of(proposal: Proposal, names: Names | None = None) -> str:
    """The name of what a proposal is about, or of what it would make; `names` are known ones of subjects."""
    if proposal.subject_id is not None:
        known = names_of_subjects([proposal]) if names is None else names
        return known.get((proposal.subject, proposal.subject_id), f"#{proposal.subject_id}")
    return next((str(row.get("name") or row["to"]) for row in proposal.changes), "")


def changes_in(events: Iterable[Event]) -> list[dict[str, Any]]:
    """What events say was changed: a row each, and one for each name in what they call `changed`.

    An `amount`, in minor units, is shown and may be another on another day.
    """
    rows: list[dict[str, Any]] = []
    for event in events:
        parts = {event.kind: (event.from_value, event.to_value)} | dict(event.data.get("changed") or {})
        if "changed" in event.data and event.from_value is None and event.to_value is None:
            del parts[event.kind]
        more: dict[str, Any] = {name: event.data[name] for name in ("name", "amount") if name in event.data}
        rows += [
            {"subject": event.subject, "what": what, "from": before, "to": after, **more}
            for what, (before, after) in parts.items()
        ]
    return rows


def note_proposal(ctx: Context, proposal: Proposal, title: str, why: str) -> None:
    """Write the event of a proposal that was made or decided on, at what it is about."""
    kind = "proposed" if proposal.state == ProposalState.OPEN else f"proposal_{proposal.state}"
    record_event(
        ctx,
        (proposal.subject, proposal.subject_id or proposal.id),
        kind,
        to_value=title,
        reason=why,
        proposal_id=proposal.id,
    )
