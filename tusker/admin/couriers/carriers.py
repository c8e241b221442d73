"""The delivery companies: settings and a test of the connection."""

from flask import Response, current_app, url_for
from flask.typing import ResponseReturnValue
from wtforms import BooleanField

from tusker.admin.blueprint import bp
from tusker.carriers.address import check_public
from tusker.carriers.base import CarrierError, UnknownCarrier
from tusker.carriers.registry import get_carrier, reload_carriers
from tusker.errors import NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Role
from tusker.queries.delivery.carriers import CarrierCard, Source, carrier_card, carrier_cards
from tusker.services.couriers.settings import (
    CarrierInput,
    forget_carrier_settings,
    in_production,
    save_carrier_settings,
    sealed,
)
from tusker.transactions import transaction
from tusker.web.access import acting, allow
from tusker.web.forms.fields import PasswordField, TextField
from tusker.web.forms.form import Form
from tusker.web.htmx import done, render

NEVER_FILLED = {"autocomplete": "off", "spellcheck": "false", "maxlength": "500"}


class CarrierForm(Form):
    """How a delivery company is reached. Secrets are never shown again."""

    enabled = BooleanField(say("Use this delivery company"))
    base_url = TextField(
        say("Address"),
        required=False,
        max_length=300,
        description=say(
            "Empty: the company's own. It must be https and no address of a private network in production."
        ),
    )
    api_key = PasswordField(say("Key"), required=False, render_kw=NEVER_FILLED)
    webhook_secret = PasswordField(say("Webhook secret"), required=False, render_kw=NEVER_FILLED)
    drop_webhook_secret = BooleanField(say("Remove the webhook secret; webhooks are then ignored"))


@bp.get("/carriers")
@allow(Role.ADMIN, Role.AUDITOR)
def carriers() -> ResponseReturnValue:
    """Every delivery company that Tusker has an adapter for."""
    return render("admin/couriers/carriers.html", cards=carrier_cards(current_app.config), Source=Source)


@bp.route("/carriers/<name>", methods=["GET", "POST"])
@allow(Role.ADMIN)
def carrier(name: str) -> ResponseReturnValue:
    card = _card(name)
    form = CarrierForm(data={"enabled": card.enabled, "base_url": card.base_url})
    if form.validate_on_submit():
        with form.saving():
            given = CarrierInput(
                enabled=form.enabled.data,
                base_url=form.base_url.data or "",
                api_key=(form.api_key.data or "").strip(),
                webhook_secret=(form.webhook_secret.data or "").strip(),
                drop_webhook_secret=form.drop_webhook_secret.data,
            )
            if in_production() and given.base_url:
                check_public(given.base_url)
            keys = current_app.config["CARRIER_KEYS_SECRET"]
            made = save_carrier_settings(acting(), name, sealed(given, keys), production=in_production())
        if form.saved:
            reload_carriers()
            return done(
                say(
                    "{label} is in use as set up here. Every process goes by it within seconds.",
                    label=card.label,
                )
                if form.enabled.data
                else say(
                    "{label} is saved and not in use. Every process goes by it within seconds.",
                    label=card.label,
                ),
                to=url_for("admin.carriers"),
                made=made,
            )
    return render(
        "admin/couriers/carrier.html",
        "admin/couriers/_carrier_form.html",
        form=form,
        card=card,
        Source=Source,
    )


@bp.post("/carriers/<name>/forget")
@allow(Role.ADMIN)
def forget_carrier(name: str) -> ResponseReturnValue:
    with transaction():
        made = forget_carrier_settings(acting(), name)
    reload_carriers()
    card = _card(name)
    return _changed(
        card,
        say(
            "The stored setup of {label} is removed; the environment's settings apply again.",
            label=card.label,
        ),
        made=made,
    )


@bp.post("/carriers/<name>/test")
@allow(Role.ADMIN)
def test_carrier(name: str) -> ResponseReturnValue:
    """Ask the delivery company one cheap question with the key in use; ends within 15 seconds."""
    card = _card(name)
    try:
        asked = get_carrier(name)
        # No transaction stays open while we wait for the delivery company.
        db.session.rollback()
        message, category = asked.check(), "success"
    except (CarrierError, UnknownCarrier) as error:
        current_app.logger.info("carrier %s: the connection test failed: %s", name, error.message)
        message, category = error.message, "danger"
    return _changed(card, message, category)


def _card(name: str) -> CarrierCard:
    card = carrier_card(name, current_app.config)
    if card is None:
        raise NotFound("Tusker does not support “{name}”.", name=name[:40])
    return card


def _changed(card: CarrierCard, message: str, category: str = "success", made: object = None) -> Response:
    """Answer an action: with htmx the changed card, without it a redirect to the list."""
    return done(
        message,
        made=made,
        to=url_for("admin.carriers"),
        partial="admin/couriers/_carrier.html",
        category=category,
        card=card,
        Source=Source,
    )
