"""What a person looked at last: a few rows each, so that they are found again without searching."""

from datetime import datetime

from sqlalchemy import text

from tusker.extensions import db

KEPT = 10


_NOTE = text("""
    WITH gone AS (
        DELETE FROM recent_things WHERE user_id = :user_id AND (kind, key) <> (:kind, :key)
            AND (kind, key) NOT IN (
                SELECT kind, key FROM recent_things WHERE user_id = :user_id AND (kind, key) <> (:kind, :key)
                ORDER BY seen_at DESC, kind, key LIMIT :others
            )
    )
    INSERT INTO recent_things (user_id, kind, key, title, seen_at) VALUES (:user_id, :kind, :key, :title, :now)
    ON CONFLICT (user_id, kind, key) DO UPDATE SET seen_at = EXCLUDED.seen_at, title = EXCLUDED.title
""")


def note_seen(user_id: int, kind: str, key: int, title: str, now: datetime) -> None:
    """Put a thing at the head of the person's list; what is more than `KEPT` goes. One statement: it is noted with each
    look at a page."""
    values = {"user_id": user_id, "kind": kind, "key": key, "title": title[:120], "now": now}
    db.session.execute(_NOTE, {**values, "others": KEPT - 1})
