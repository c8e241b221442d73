"""Webhooks of delivery companies: check the signature, store the bytes for a worker, answer."""

from flask import Response, request

from tusker import clock
from tusker.api.auth import count_failure
from tusker.api.endpoints import bp
from tusker.api.problems import KINDS, ApiError
from tusker.carriers.registry import get_carriers, get_webhook_secret
from tusker.errors import NotFound
from tusker.services.context import Context
from tusker.services.delivery.webhooks import keep_webhook
from tusker.transactions import transaction
from tusker.web.access import by_signature

LARGEST_WEBHOOK = 4 * 1024 * 1024


@bp.post("/carriers/<string(maxlength=40):carrier>/webhook")
@by_signature
def webhook(carrier: str) -> Response:
    """Store a signed webhook for a worker; the same bytes sent again are stored once and get the same answer."""
    request.max_content_length = LARGEST_WEBHOOK
    known = get_carriers().get(carrier)
    if known is None or not known.has_webhooks:
        raise NotFound("No delivery company of this name sends webhooks here.")
    raw = request.get_data(cache=False)
    if not known.verify_webhook(raw, dict(request.headers), get_webhook_secret(carrier)):
        count_failure()
        raise ApiError("bad_signature", KINDS["bad_signature"].advice)
    now, today = clock.now(), clock.today()
    with transaction():
        keep_webhook(Context(actor_id=None, actor=f"webhook {carrier}", now=now, today=today), carrier, raw)
    return Response(status=202)
