"""What limits are at the end of each day, kept for reports as of a past one."""

from sqlalchemy import text

from tusker.extensions import db
from tusker.prepared import Prepared
from tusker.queries.credit.exposure import programme_limit_on
from tusker.services.context import Context

_NOTE = Prepared(
    text(
        """
    INSERT INTO limit_days (kind, key, day, limit_amount) VALUES (:kind, :key, :day, :limit)
    ON CONFLICT (kind, key, day) DO UPDATE SET limit_amount = EXCLUDED.limit_amount
    """
    )
)


def note_limit(ctx: Context, kind: str, key: int, limit: int) -> None:
    """Keep a limit, in minor units, as that of today and of the days after; the caller holds its row's lock."""
    values = {"kind": str(kind), "key": key, "day": ctx.today, "limit": limit}
    _NOTE.rows(db.session.connection(), values)


def note_programme_limit(ctx: Context, limit: int) -> None:
    """Keep the programme limit of the configuration, in minor units, where it is another than the last one."""
    if programme_limit_on(ctx.today) != limit:
        note_limit(ctx, "programme", 0, limit)
