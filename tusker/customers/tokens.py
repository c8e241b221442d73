"""An admin makes and revokes the API tokens of a company."""

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


PARTIAL = "customers/people/_tokens.html"


@bp.post("/<int:customer_id>/tokens")
@allow(Role.ADMIN, fresh=True)
def create_company_token(customer_id: int) -> Response:
    return make_token("customers/people/token_made.html", customer_id, customer=customer_by_id(customer_id))


@bp.post("/<int:customer_id>/tokens/<int:token_id>/revoke")
@allow(Role.ADMIN)
def revoke_company_token(customer_id: int, token_id: int) -> Response:
    return revoke(customer_id, token_id)


@bp.post("/<int:customer_id>/tokens/<int:token_id>/take-over")
@allow(Role.ADMIN, fresh=True)
def take_over_company_token(customer_id: int, token_id: int) -> Response:
    return take_over(customer_id, token_id)


def make_token(page: str, customer_id: int, *, own: bool = False, **context: Any) -> Response:
    """Make the token that the form asks for. Its secret is in this answer only, so there is no redirect."""
    form, secret = TokenForm(), None
    if form.validate_on_submit():
        with form.saving():
            made, text = create_token(
                acting(),
                customer_id,
                form.name.filled,
                scope=TokenScope(form.scope.filled),
                days=form.days.filled,
            )
            secret = Secret(text, isinstance(made, Proposal))
    tokens = token_context(customer_id, None if secret else form, secret, own=own)
    return render(page, PARTIAL, status=200 if secret else 422, **context, **tokens)


def revoke(customer_id: int, token_id: int, *, own: bool = False) -> Response:
    """Revoke a token of this company; those of others are not found."""
    with transaction():
        name = revoke_token(acting(), token_id, customer_id=customer_id).name
    return _changed(customer_id, say("The token “{name}” is revoked.", name=name), own=own)


def take_over(customer_id: int, token_id: int, *, own: bool = False) -> Response:
    """Answer for a token of this company from now on; those of others are not found."""
    with transaction():
        made = take_over_token(acting(), token_id, customer_id=customer_id)
    words = say("You are now responsible for this token; it works again.")
    return _changed(customer_id, words, own=own, made=made)


def _changed(customer_id: int, message: str, *, own: bool, made: object = None) -> Response:
    to = url_for("customers.my_tokens") if own else url_for("customers.show", customer_id=customer_id)
    return done(message, to=to, made=made, partial=PARTIAL, **token_context(customer_id, own=own))


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
