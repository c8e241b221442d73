"""What limits are at the end of each day, kept for reports as of a past one."""

from sqlalchemy.dialects.postgresql import insert

from tusker.extensions import db
from tusker.models import LimitDay
from tusker.queries.credit.exposure import programme_limit_on
from tusker.services.context import Context


def note_limit(ctx: Context, kind: str, key: int, limit: int) -> None:
    """Keep a limit, in minor units, as that of today and of the days after; the caller holds its row's lock."""
    row = insert(LimitDay).values(kind=kind, key=key, day=ctx.today, limit_amount=limit)
    db.session.execute(
        row.on_conflict_do_update(index_elements=["kind", "key", "day"], set_={"limit_amount": limit})
    )


def note_programme_limit(ctx: Context, limit: int) -> None:
    """Keep the programme limit of the configuration, in minor units, where it is another than the last one."""
    if programme_limit_on(ctx.today) != limit:
        note_limit(ctx, "programme", 0, limit)
