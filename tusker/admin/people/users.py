"""Users: the list, inviting, deactivating."""

from collections.abc import Sequence
from typing import Any

from flask import Response, url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import UserFilter, UserForm
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Proposal, Role, User
from tusker.queries.people.users import companies, users_page, users_totals, with_factor
from tusker.queries.proposals import open_proposals_on
from tusker.services.people import factors, passwords
from tusker.services.people import users as service
from tusker.transactions import transaction
from tusker.web.access import STAFF, acting, allow
from tusker.web.filters import status_label
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done, render
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

USERS = ListOf(
    "users",
    say("Users"),
    "admin.users",
    (
        Column("name", say("Person"), Kind.NAME, sorts=True),
        Column("email", say("Email"), Kind.NAME, sorts=True),
        Column("role", say("Role"), value=lambda row: status_label(row.role)),
        Column("company", say("Company"), Kind.NAME, lambda row: row.customer.name if row.customer else None),
        Column("state", say("State"), Kind.STATUS),
        Column("last_login_at", say("Last signed in"), Kind.MOMENT),
        Column("created_at", say("Added"), Kind.MOMENT, sorts=True, shown=False),
        Column("actions", say("Actions"), in_files=False, not_for=Role.AUDITOR),
    ),
    order="-created_at",
    by_id="created_at",
    row=("user", "id"),
)


USERS.serve(
    bp,
    "/users",
    "admin/people/users.html",
    *STAFF,
    form=UserFilter,
    query=users_page,
    totals=users_totals,
    context=lambda shown: _about(shown.page.items),
)


@bp.route("/users/new", methods=["GET", "POST"])
@allow(Role.ADMIN, fresh=True)
def new_user() -> ResponseReturnValue:
    """The form of a new user, who gets a link to choose a password."""
    form = UserForm()
    form.customer_id.choices = [(c.id, c.named) for c in companies()]
    if form.validate_on_submit():
        with form.saving():
            ctx = acting()
            made = service.create_user(
                ctx,
                email=form.email.filled,
                name=form.name.filled,
                role=form.role.filled,
                customer_id=form.customer_id.data,
                password=service.random_password(),
            )
            if not isinstance(made, Proposal):
                passwords.request_password_reset(ctx, made.email)
        if form.saved:
            email = form.email.filled
            words = say(
                "User created. A link to choose a password is on its way to {email} and works for an hour.",
                email=email,
            )
            return done(words, to=url_for("admin.users"), made=made)
    return render("admin/people/user_new.html", "admin/people/_user_form.html", form=form)


@bp.post("/users/<int:user_id>/deactivate")
@allow(Role.ADMIN)
def deactivate_user(user_id: int) -> ResponseReturnValue:
    with transaction():
        service.deactivate_user(acting(), user_id, sent_reason())
    undo = Undo(url_for("admin.reactivate_user", user_id=user_id), reason=False)
    words = say("{email} can no longer sign in and is signed out everywhere.", email=_user(user_id).email)
    return _changed(user_id, words, undo=undo)


@bp.post("/users/<int:user_id>/reactivate")
@allow(Role.ADMIN)
def reactivate_user(user_id: int) -> ResponseReturnValue:
    with transaction():
        made = service.reactivate_user(acting(), user_id)
    undo = Undo(url_for("admin.deactivate_user", user_id=user_id))
    words = say("{email} may sign in again.", email=_user(user_id).email)
    return _changed(user_id, words, made=made, undo=undo)


@bp.post("/users/<int:user_id>/reset-factor")
@allow(Role.ADMIN, fresh=True)
def reset_factor(user_id: int) -> ResponseReturnValue:
    """Somebody lost their second factor: they sign in with the password and add a new one."""
    with transaction():
        factors.reset_factors(acting(), user_id, sent_reason())
    return _changed(
        user_id,
        say(
            "The second factor of {email} is reset; they are signed out and told by mail.",
            email=_user(user_id).email,
        ),
    )


@bp.post("/users/<int:user_id>/invite")
@allow(Role.ADMIN)
def invite_user(user_id: int) -> ResponseReturnValue:
    with transaction():
        passwords.request_password_reset(acting(), _user(user_id).email)
    return _changed(
        user_id,
        say(
            "A link to set a password was sent to {email}; it works for one hour.", email=_user(user_id).email
        ),
    )


def _user(user_id: int) -> User:
    return db.get_or_404(User, user_id)


def _changed(user_id: int, message: str, *, made: object = None, undo: Undo | None = None) -> Response:
    """Answer an action: with htmx the changed row, without it a redirect to the list."""
    user = _user(user_id)
    return done(
        message,
        to=url_for("admin.users"),
        made=made,
        undo_by=undo,
        partial="admin/people/_user_row.html",
        row=user,
        of=USERS,
        **_about([user]),
    )


def _about(users: Sequence[User]) -> dict[str, Any]:
    """What rows of users show beside themselves: who waits for another admin, and who has a second factor."""
    ids = [user.id for user in users]
    return {
        "waiting": {made.subject_id for made in open_proposals_on("user", *ids)},
        "with_factor": with_factor(ids),
    }
