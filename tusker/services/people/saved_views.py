"""What a person saves of lists, to come back to: a few views of each, one of which may open in place of the list."""

from sqlalchemy import update

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
