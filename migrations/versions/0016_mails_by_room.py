"""mails by room: those that are not sent yet follow their templates into the rooms

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-29 15:00:00.000000
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ROOMS = {
    "people": ("admin_activated", "admin_made", "password_reset"),
    "credit": ("new_supplier", "request_refused", "requests_refused"),
    "loans": ("recourse", "reminder"),
    "delivery": ("confirm_delivery", "delivery_disputed"),
    "payout": (
        "bank_account_approved",
        "bank_account_proposed",
        "bank_account_refused",
        "disbursal_approved",
        "disbursal_ready",
        "disbursal_released",
        "payout",
        "payout_failed",
        "payout_not_received",
    ),
    "record": ("attention", "proof_failed"),
}
outbox = sa.table("outbox", sa.column("template", sa.String), sa.column("sent_at"))


def upgrade() -> None:
    for room, templates in ROOMS.items():
        waiting = outbox.c.sent_at.is_(None), outbox.c.template.in_(templates)
        op.execute(outbox.update().where(*waiting).values(template=f"{room}/" + outbox.c.template))


def downgrade() -> None:
    op.execute("UPDATE outbox SET template = split_part(template, '/', -1) WHERE sent_at IS NULL")
