"""Putting a company on hold, lifting that, and the days on which its limits are valid."""

from flask import Response, request, url_for

from tusker.customers.blueprint import bp
from tusker.customers.forms import ValidityForm
from tusker.domain.credit.limits import Validity
from tusker.messages import say
from tusker.models import Role
from tusker.services.credit.customers.holds import hold_customer, lift_hold, set_validity
from tusker.services.credit.customers.identities import set_cities
from tusker.services.credit.risk.rules import set_group
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.form import sent_reason
from tusker.web.htmx import Undo, done


@bp.post("/<int:customer_id>/hold")
@allow(Role.ADMIN)
def hold(customer_id: int) -> Response:
    """Nothing new is admitted and nothing is paid out for a company on hold."""
    with transaction():
        name = hold_customer(acting(), customer_id, reason=sent_reason()).name
    undo = Undo(url_for("customers.lift", customer_id=customer_id))
    return _changed(customer_id, say("{name} is on hold.", name=name), undo=undo)


@bp.post("/<int:customer_id>/lift-hold")
@allow(Role.ADMIN)
def lift(customer_id: int) -> Response:
    """Lift the hold that an admin put on a company."""
    with transaction():
        made = lift_hold(acting(), customer_id, reason=sent_reason())
    undo = Undo(url_for("customers.hold", customer_id=customer_id))
    return _changed(customer_id, say("The hold is lifted."), made, undo=undo)


@bp.post("/<int:customer_id>/validity")
@allow(Role.ADMIN)
def validity(customer_id: int) -> Response:
    """The days on which one of the company's limits admits something new."""
    form = ValidityForm().checked()
    with transaction():
        days = Validity(form.valid_from.data, form.valid_to.data)
        made = set_validity(acting(), customer_id, form.side.filled, days)
    saved = {
        "supplier": say("The days of the supplier limit were saved."),
        "purchaser": say("The days of the purchaser limit were saved."),
    }
    return _changed(customer_id, saved[form.side.filled], made)


@bp.post("/<int:customer_id>/cities")
@allow(Role.ADMIN)
def cities(customer_id: int) -> Response:
    """Where the company sends from and receives; a further city needs another admin where two are asked for."""
    with transaction():
        made = set_cities(acting(), customer_id, request.form.get("cities", ""))
    return _changed(customer_id, say("The cities were saved."), made)


@bp.post("/<int:customer_id>/group")
@allow(Role.ADMIN)
def group(customer_id: int) -> Response:
    """The group of companies that the company belongs to; leaving one needs another admin where two are asked for."""
    with transaction():
        made = set_group(acting(), customer_id, request.form.get("group", ""))
    return _changed(customer_id, say("The group was saved."), made)


def _changed(customer_id: int, message: str, made: object = None, *, undo: Undo | None = None) -> Response:
    return done(message, to=url_for("customers.show", customer_id=customer_id), made=made, undo_by=undo)
