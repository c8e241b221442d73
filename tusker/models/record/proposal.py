"""What one admin wants done, and another has to accept before it counts."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tusker.domain.status import Status, Tone
from tusker.models.columns import Code, Instant, Numbered, no_two, one_of
from tusker.models.people.access import User


class ProposalState(Status):
    """`accepted` or `refused` by another admin, `withdrawn` by who proposed it."""

    OPEN = "open", Tone.ORANGE
    ACCEPTED = "accepted", Tone.GREEN
    REFUSED = "refused", Tone.RED
    WITHDRAWN = "withdrawn", Tone.GREY


class Proposal(Numbered):
    """An action with its arguments, and what it would change. A trigger lets nothing of it change but the decision,
    and that once."""

    __tablename__ = "proposals"
    __table_args__ = (
        one_of("state", ProposalState),
        CheckConstraint("(subject_id IS NULL) = (subject = 'proposal')", name="subject_complete"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decision_complete"),
        CheckConstraint(
            "state <> 'accepted' OR NOT second_admin OR decided_by IS NOT NULL AND proposed_by IS NOT NULL"
            " AND decided_by <> proposed_by",
            name="maker_is_not_approver",
        ),
        CheckConstraint(
            "state NOT IN ('refused', 'withdrawn') OR btrim(decision_reason) <> ''", name="refusal_has_reason"
        ),
        no_two("uq_proposals_one_open", "kind", "subject", "subject_id", where="state = 'open'"),
        Index("ix_proposals_state_id", "state", "id"),
        Index("ix_proposals_subject", "subject", "subject_id", "id"),
    )

    kind: Mapped[Code]
    """The action, by its name in `services.approvals`."""
    subject: Mapped[Code]
    """What it is about, as events name it; `proposal` where it would make something new."""
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The action's arguments."""
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What it would change, as the admin saw it: rows of subject, what, from and to."""
    reason: Mapped[str] = mapped_column(String(500))
    second_admin: Mapped[bool]
    """Whether the installation asks for another admin, or did when this was decided."""
    state: Mapped[ProposalState]
    proposed_at: Mapped[Instant]
    proposed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[Instant | None]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str] = mapped_column(String(500))

    proposer: Mapped[User | None] = relationship(foreign_keys=[proposed_by], lazy="joined")
    decider: Mapped[User | None] = relationship(foreign_keys=[decided_by], lazy="joined")
