"""What a person keeps of lists: saved views, and how close together their rows stand."""

from urllib.parse import parse_qsl, urlencode

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from tusker.errors import InvalidInput, NotAllowed, NotFound
from tusker.messages import say
from tusker.services.people.saved_views import open_with, remove_view, save_view
from tusker.transactions import transaction
from tusker.web.access import access_of, allow
from tusker.web.htmx import Undo, done
from tusker.web.lists.listing import LISTS, ListOf
from tusker.web.pages.start import bp, keep_in_cookie

__all__ = ["bp"]


@bp.post("/lists/<name>/views")
@allow()
def save_list_view(name: str) -> ResponseReturnValue:
    """Save what is shown of a list under a name."""
    of = _list(name)
    try:
        pairs = parse_qsl(request.form.get("query", ""), max_num_fields=100)
    except ValueError:
        raise InvalidInput("These filters are too many to be saved.", field="query") from None
    query = urlencode([(key, value) for key, value in pairs if key not in {"before", "after", "view"}])
    with transaction():
        view = save_view(
            current_user.id, name, request.form.get("name", ""), query, opens="opens" in request.form
        )
        named = view.name
    return done(say("The view “{name}” is saved.", name=named), to=of.address(query))


@bp.post("/lists/views/<int:view_id>/opens")
@allow()
def open_list_with(view_id: int) -> ResponseReturnValue:
    """Have its list open with a view, or no more with it."""
    with transaction():
        view = open_with(current_user.id, view_id)
        to, opens = _list(view.list).address(view.query), view.opens
    return done(
        say("The list opens with this view.") if opens else say("The list opens with everything."), to=to
    )


@bp.post("/lists/views/<int:view_id>/remove")
@allow()
def remove_list_view(view_id: int) -> ResponseReturnValue:
    with transaction():
        view = remove_view(current_user.id, view_id)
        to, named = _list(view.list).address(), view.name
        fields = {"name": named, "query": view.query} | ({"opens": "1"} if view.opens else {})
        undo = Undo(url_for("web.save_list_view", name=view.list), reason=False, fields=fields)
    return done(say("The view “{name}” is removed.", name=named), to=to, undo_by=undo)


@bp.post("/density")
@allow()
def density() -> ResponseReturnValue:
    """Remember how close together rows of lists stand."""
    chosen = "compact" if request.form.get("density") == "compact" else "comfortable"
    return keep_in_cookie(current_app.config["DENSITY_COOKIE"], chosen)


def _list(name: str) -> ListOf:
    """A list that the user may open; raises `NotFound` and `NotAllowed`."""
    if name not in LISTS:
        raise NotFound("This list does not exist.")
    mark = access_of(current_app, LISTS[name].endpoint)
    if not isinstance(mark, frozenset) or current_user.role not in mark:
        raise NotAllowed("Your role does not allow this list.")
    return LISTS[name]
