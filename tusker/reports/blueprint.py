"""The blueprint of reports, and what all of them read: whose figures the user may see, and the day."""

from datetime import date
from typing import TypedDict

from flask import Blueprint, request

from tusker import clock
from tusker.domain.texts import is_id
from tusker.errors import InvalidInput
from tusker.messages import joined
from tusker.reports.forms import AsOfForm
from tusker.web.access import my_scope

bp = Blueprint("reports", __name__, url_prefix="/reports")


class Own(TypedDict, total=False):
    """What a query is narrowed to: nothing for staff, else the user's own company on the side of the role."""

    supplier_id: int
    purchaser_id: int


def own() -> Own:
    """Staff see everything, a supplier what was lent on its invoices, a purchaser what it has to pay."""
    scope = my_scope()
    if scope.supplier_id is not None:
        return {"supplier_id": scope.supplier_id}
    return {} if scope.purchaser_id is None else {"purchaser_id": scope.purchaser_id}


def pays() -> bool:
    """Whether a purchaser asks: its figures are what it has to pay."""
    return "purchaser_id" in own()


def asked_day(*, past_only: bool = True) -> tuple[AsOfForm, date | None]:
    """The form with the day in the address, today unless given; the day is None when it is not valid."""
    form = AsOfForm(request.args)
    today = clock.today()
    if not form.validate():
        return form, None
    if past_only and form.as_of.data and form.as_of.data > today:
        form.take(InvalidInput("The day must not be in the future.", field="as_of"))
        return form, None
    form.as_of.data = form.as_of.data or today
    form.as_of.raw_data = None
    return form, form.as_of.data


def day_or_refuse() -> date:
    """The same for a file: raises `InvalidInput` naming the day."""
    form, day = asked_day()
    if day is None:
        raise InvalidInput(joined(form.as_of.errors, " "), field="as_of")
    return day


def asked_company(name: str, mine: int | None) -> int | None:
    """The company in the address, as `narrowed_to`."""
    return narrowed_to(asked_number(name), mine)


def narrowed_to(asked: int | None, mine: int | None) -> int | None:
    """The company asked for; of a company's person its own, and another's narrows to nothing: none has id 0."""
    return asked if mine is None else mine if asked in (None, mine) else 0


def asked_number(name: str) -> int | None:
    """The id in the address; raises `InvalidInput` naming it."""
    text = request.args.get(name) or ""
    if not text:
        return None
    if not is_id(text):
        raise InvalidInput("This link is not valid.", field=name)
    return int(text)
