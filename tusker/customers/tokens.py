"""An admin makes and revokes the API tokens of a company."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, url_for

from tusker import clock
from tusker.customers.blueprint import bp
from tusker.customers.forms import TokenForm
from tusker.messages import say
from tusker.models import Proposal, Role, TokenScope
from tusker.queries.credit.customers import customer_by_id, tokens_of
from tusker.services.people.tokens import create_token, revoke_token, take_over_token
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.htmx import done, render


@dataclass(frozen=True, slots=True)
class Secret:
    """What opens the endpoint, at once or when another admin has accepted it."""

    text: str
    waits: bool


@bp.post("/<int:customer_id>/tokens")
@allow(Role.ADMIN, fresh=True)
def create_company_token(customer_id: int) -> Response:
    """The secret is in this answer only, so there is no redirect."""
    customer = customer_by_id(customer_id)
    form = TokenForm()
    secret = make_token(form, customer_id)
    return render(
        "customers/people/token_made.html",
        "customers/people/_tokens.html",
        status=200 if secret else 422,
        customer=customer,
        **token_context(customer_id, None if secret else form, secret),
    )


@bp.post("/<int:customer_id>/tokens/<int:token_id>/revoke")
@allow(Role.ADMIN)
def revoke_company_token(customer_id: int, token_id: int) -> Response:
    with transaction():
        name = revoke_token(acting(), token_id, customer_id=customer_id).name
    return done(
        say("The token “{name}” is revoked.", name=name),
        to=url_for("customers.show", customer_id=customer_id),
        partial="customers/people/_tokens.html",
        **token_context(customer_id),
    )


@bp.post("/<int:customer_id>/tokens/<int:token_id>/take-over")
@allow(Role.ADMIN, fresh=True)
def take_over_company_token(customer_id: int, token_id: int) -> Response:
    with transaction():
        made = take_over_token(acting(), token_id, customer_id=customer_id)
    return done(
        say("You are now responsible for this token; it works again."),
        made=made,
        to=url_for("customers.show", customer_id=customer_id),
        partial="customers/people/_tokens.html",
        **token_context(customer_id),
    )


def make_token(form: TokenForm, customer_id: int) -> Secret | None:
    """Make the token that the form asks for and return its secret; None with the error in the form."""
    if form.validate_on_submit():
        with form.saving():
            made, secret = create_token(
                acting(),
                customer_id,
                form.name.filled,
                scope=TokenScope(form.scope.filled),
                days=form.days.filled,
            )
            return Secret(secret, isinstance(made, Proposal))
    return None


def token_context(
    customer_id: int, form: TokenForm | None = None, secret: Secret | None = None, *, own: bool = False
) -> dict[str, Any]:
    """What the template of a company's tokens needs, for an admin or its `own` users.

    `secret` is that of a new token, shown only once.
    """
    company: dict[str, Any] = {} if own else {"customer_id": customer_id}
    create = "create_my_token" if own else "create_company_token"
    revoke = "revoke_my_token" if own else "revoke_company_token"
    take_over = "take_over_my_token" if own else "take_over_company_token"
    return {
        "tokens": tokens_of(customer_id),
        "token_form": form or TokenForm(formdata=None),
        "secret": secret,
        "create_url": url_for(f"customers.{create}", **company),
        "now": clock.now(),
        "take_over_url": lambda token_id: url_for(f"customers.{take_over}", token_id=token_id, **company),
        "revoke_url": lambda token_id: url_for(f"customers.{revoke}", token_id=token_id, **company),
    }
