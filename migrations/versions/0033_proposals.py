"""what another admin has to accept is one table

Revision ID: 0033
Revises: 0032
Create Date: 2026-11-29 20:10:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.sql_files import set_function

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("changes", postgresql.JSONB(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("second_admin", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.BigInteger(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.String(500), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL)", name=op.f("ck_proposals_decision_complete")
        ),
        sa.CheckConstraint(
            "(subject_id IS NULL) = (subject = 'proposal')", name=op.f("ck_proposals_subject_complete")
        ),
        sa.CheckConstraint(
            "state <> 'accepted' OR NOT second_admin OR decided_by IS NOT NULL AND proposed_by IS NOT NULL"
            " AND decided_by <> proposed_by",
            name=op.f("ck_proposals_maker_is_not_approver"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'withdrawn') OR btrim(decision_reason) <> ''",
            name=op.f("ck_proposals_refusal_has_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'refused', 'withdrawn')", name=op.f("ck_proposals_state_known")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_proposals_decided_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["users.id"], name=op.f("fk_proposals_proposed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
    )
    op.create_index("ix_proposals_state_id", "proposals", ["state", "id"])
    op.create_index("ix_proposals_subject", "proposals", ["subject", "subject_id", "id"])
    op.create_index(
        "uq_proposals_one_open",
        "proposals",
        ["kind", "subject", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    set_function("keep_proposal", 1)
    op.execute(
        "CREATE TRIGGER proposals_decided_once BEFORE UPDATE OR DELETE ON proposals"
        " FOR EACH ROW EXECUTE FUNCTION keep_proposal()"
    )


def downgrade() -> None:
    op.drop_table("proposals")
    op.execute("DROP FUNCTION keep_proposal")
