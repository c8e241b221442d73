"""The page of tracking: each delivery company's health, and webhooks that could not be used."""

from werkzeug.datastructures import MultiDict

from tusker import clock
from tusker.admin.blueprint import bp
from tusker.carriers.registry import carrier_label, get_carriers
from tusker.messages import say
from tusker.models import WebhookDelivery
from tusker.queries.delivery.carriers import health_of_carriers, webhooks_with_errors
from tusker.web.access import STAFF
from tusker.web.forms.fields import AnyOf
from tusker.web.forms.form import FilterForm
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

SHOWN_OF_A_BODY = 400


class WebhookFilter(FilterForm):
    """Which webhooks are shown; give it the delivery companies."""

    carrier = AnyOf(say("Delivery company"))


def _filters(sent: MultiDict[str, str]) -> WebhookFilter:
    filters = WebhookFilter(sent)
    filters.carrier.choices = [(name, carrier_label(name)) for name in sorted(get_carriers())]
    return filters


def _body(row: WebhookDelivery) -> str:
    return row.raw[:SHOWN_OF_A_BODY].decode("utf-8", "replace")


def _outcome(row: WebhookDelivery) -> str:
    if row.processed_at:
        return say("given up")
    return say("tried {attempts} times, will be retried", attempts=row.attempts)


WEBHOOKS = ListOf(
    "webhooks",
    say("Unusable webhooks"),
    "admin.tracking",
    (
        Column("received_at", say("Received"), Kind.MOMENT, sorts=True),
        Column("carrier", say("Delivery company"), value=lambda row: carrier_label(row.carrier)),
        Column("error", say("Problem"), Kind.NAME),
        Column("outcome", say("Outcome"), value=_outcome),
        Column("content", say("Content"), Kind.NAME, _body),
    ),
    order="-received_at",
    by_id="received_at",
    row=("webhook", "id"),
)


WEBHOOKS.serve(
    bp,
    "/tracking",
    "admin/delivery/tracking.html",
    *STAFF,
    form=_filters,
    query=webhooks_with_errors,
    context=lambda _: {"carriers": health_of_carriers(sorted(get_carriers()), clock.now())},
)
