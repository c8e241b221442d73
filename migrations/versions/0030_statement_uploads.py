"""large bank statements are read by a worker: what was sent in, how far it is, what came of it

Revision ID: 0030
Revises: 0029
Create Date: 2026-11-29 18:20:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "statement_uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("entries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("entries_done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("statement_ids", postgresql.ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by", sa.BigInteger(), nullable=True),
        sa.Column("sender", sa.String(120), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'waiting') = (content IS NOT NULL)",
            name=op.f("ck_statement_uploads_content_while_waiting"),
        ),
        sa.CheckConstraint(
            "entries_done >= 0 AND entries_done <= entries", name=op.f("ck_statement_uploads_progress_range")
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'imported', 'refused')", name=op.f("ck_statement_uploads_state_known")
        ),
        sa.ForeignKeyConstraint(["sent_by"], ["users.id"], name=op.f("fk_statement_uploads_sent_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_uploads")),
        sa.UniqueConstraint("digest", name=op.f("uq_statement_uploads_digest")),
    )
    op.create_index(
        "ix_statement_uploads_waiting",
        "statement_uploads",
        ["id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_table("statement_uploads")
