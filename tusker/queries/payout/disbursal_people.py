"""Who did what with a disbursal, and who may do the next thing."""

from dataclasses import dataclass

from sqlalchemy import select

from tusker.extensions import db
from tusker.models import Role, User
from tusker.queries.payout.disbursals import DisbursalRow


@dataclass(frozen=True, slots=True)
class People:
    """Names of those who had a hand in a disbursal, and of the active admins who had none in preparing it."""

    makers: list[str]
    approved_by: str | None
    released_by: str | None
    others: list[str]


def people_of(row: DisbursalRow) -> People:
    """The people of a disbursal, in one query."""
    known = [*row.maker_ids, row.approved_by, row.released_by]
    users = db.session.execute(
        select(User.id, User.name, User.role, User.active).where(
            User.id.in_([i for i in known if i is not None]) | ((User.role == Role.ADMIN) & User.active)
        )
    ).all()
    names: dict[int | None, str] = {user.id: user.name for user in users}
    return People(
        makers=[names[i] for i in row.maker_ids if i in names],
        approved_by=names.get(row.approved_by),
        released_by=names.get(row.released_by),
        others=sorted(
            user.name
            for user in users
            if user.role == Role.ADMIN and user.active and user.id not in row.maker_ids
        ),
    )
