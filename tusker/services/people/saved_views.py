"""What a person comes back to: what they looked at last, and a few views of each list, one of which may open."""

from datetime import datetime

from sqlalchemy import text, update

from tusker.domain.texts import one_line
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import SavedView
from tusker.queries.people.saved_views import views_of
from tusker.services.locks import lock_row, lock_user

MOST = 20
"""Of one list."""
LONGEST_NAME = 60
LONGEST_QUERY = 2000


def save_view(user_id: int, of_list: str, name: str, query: str, *, opens: bool) -> SavedView:
    """Save what a person sees of a list; a view of the same name becomes this one.

    Raises `InvalidInput` naming `name` or `query`, and `Conflict` where there are `MOST` already.
    """
    name = one_line(name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            "Name must have 1 to {longest_name} characters.", longest_name=LONGEST_NAME, field="name"
        )
    if len(query) > LONGEST_QUERY:
        raise InvalidInput("These filters are too long to be saved.", field="query")
    lock_user(user_id)
    there = {view.name: view for view in views_of(user_id, of_list)}
    if name not in there and len(there) >= MOST:
        raise Conflict("You have {most} views of this list. Remove one first.", most=MOST)
    if opens:
        _open_none(user_id, of_list)
    view = there.get(name)
    if view is None:
        view = SavedView(user_id=user_id, list=of_list, name=name)
        db.session.add(view)
    view.query, view.opens = query, opens
    db.session.flush()
    return view


def open_with(user_id: int, view_id: int) -> SavedView:
    """Have a list open with a view of the person's, or no more with it; raises `NotFound`."""
    lock_user(user_id)
    view = _own(user_id, view_id)
    opens = not view.opens
    _open_none(user_id, view.list)
    view.opens = opens
    db.session.flush()
    return view


def remove_view(user_id: int, view_id: int) -> SavedView:
    """Remove a view of the person's; raises `NotFound`."""
    view = _own(user_id, view_id)
    db.session.delete(view)
    db.session.flush()
    return view


def _own(user_id: int, view_id: int) -> SavedView:
    return lock_row(say("view"), SavedView, SavedView.id == view_id, SavedView.user_id == user_id)


def _open_none(user_id: int, of_list: str) -> None:
    db.session.execute(
        update(SavedView).where(SavedView.user_id == user_id, SavedView.list == of_list).values(opens=False)
    )


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
