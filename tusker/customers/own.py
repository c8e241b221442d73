"""What the users of a company see of it: its credit lines and, for suppliers, its API tokens.

A company sees all of its own limits and of its lines. Of the other company's limit it sees neither size nor use, only
what is left for a new request on the line and whether the other side's limit is the smallest of the three.
"""

from typing import Any

from flask import Response
from flask_login import current_user

from tusker.clock import today
from tusker.customers.blueprint import bp
from tusker.customers.lines import MY_LINES
from tusker.customers.tokens import PARTIAL, make_token, revoke, take_over, token_context
from tusker.models import Role
from tusker.queries.credit.credit_lines import LineRow, lines_page
from tusker.queries.credit.customers import customer_by_id
from tusker.services.credit.standing import why_closed
from tusker.web.access import COMPANIES, allow, current_company_id
from tusker.web.forms.form import FilterForm
from tusker.web.htmx import render
from tusker.web.lists.shown import Shown

MY_TOKENS = "customers/people/my_tokens.html"


def _lines(**asked: Any) -> list[LineRow]:
    """Of a supplier user the lines on which the company sells, of a purchaser user those on which it buys."""
    side: dict[str, Any] = {f"{current_user.role}_id": current_company_id()}
    return lines_page(today(), **side, **asked)


def _about(shown: Shown) -> dict[str, Any]:
    company = customer_by_id(current_company_id())
    sells = current_user.role == Role.SUPPLIER
    account = company.supplier if sells else company.purchaser
    return {
        "sells": sells,
        "closed": why_closed(shown.page.items, today(), seen_by=company.id),
        "own": account.use_on(today()) if account else None,
    }


MY_LINES.serve(
    bp,
    "/own/lines",
    "customers/line/my_lines.html",
    *COMPANIES,
    form=FilterForm,
    query=_lines,
    context=_about,
)


@bp.get("/own/tokens")
@allow(Role.SUPPLIER)
def my_tokens() -> Response:
    return render(MY_TOKENS, PARTIAL, **token_context(current_company_id(), own=True))


@bp.post("/own/tokens")
@allow(Role.SUPPLIER, fresh=True, password=True)
def create_my_token() -> Response:
    """A token outlives the session, so the second factor or the password is asked for anew."""
    return make_token(MY_TOKENS, current_company_id(), own=True)


@bp.post("/own/tokens/<int:token_id>/take-over")
@allow(Role.SUPPLIER, fresh=True, password=True)
def take_over_my_token(token_id: int) -> Response:
    return take_over(current_company_id(), token_id, own=True)


@bp.post("/own/tokens/<int:token_id>/revoke")
@allow(Role.SUPPLIER)
def revoke_my_token(token_id: int) -> Response:
    return revoke(current_company_id(), token_id, own=True)
