"""The JSON endpoint `/api/v1` for other systems, and its documentation."""

from flask import Flask

from tusker.api import docs, problems
from tusker.api.credit import routes, waiting  # noqa: F401 (they declare the operations, in this order)
from tusker.api.delivery import documents, webhooks  # noqa: F401
from tusker.api.endpoints import bp
from tusker.extensions import csrf
from tusker.web.errors import answer_errors_under


def init_app(app: Flask) -> None:
    """Register the endpoint, exempt from CSRF: it goes by tokens, not by sessions."""
    app.config.setdefault("API_RATE_LIMIT", "600 per minute")
    app.config.setdefault("API_FAILURE_RATE_LIMIT", "60 per minute")
    csrf.exempt(bp)
    app.register_blueprint(bp)
    app.register_blueprint(docs.bp)
    app.register_error_handler(problems.ApiError, problems.on_api_error)
    answer_errors_under(app, "/api/", problems.on_error)
