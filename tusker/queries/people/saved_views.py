"""What a person saved of lists."""

from collections.abc import Sequence

from sqlalchemy import select

from tusker.extensions import db
from tusker.models import SavedView


def views_of(user_id: int, of_list: str) -> Sequence[SavedView]:
    """A person's views of a list, by name."""
    query = select(SavedView).where(SavedView.user_id == user_id, SavedView.list == of_list)
    return db.session.scalars(query.order_by(SavedView.name)).all()
