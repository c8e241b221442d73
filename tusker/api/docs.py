"""The OpenAPI document and the two pages that show it. Open to everybody: they hold no company's data."""

import json

from flask import Blueprint, Response, current_app, make_response, render_template

from tusker.api.endpoints import PREFIX
from tusker.api.openapi import document
from tusker.carriers.registry import get_carriers
from tusker.web import CONTENT_SECURITY_POLICY
from tusker.web.access import public

SWAGGER = "vendor/swagger-ui-5.35.0"
REDOC = "vendor/redoc-2.5.4"

bp = Blueprint("api_docs", __name__)

# Both insert inline styles, and ReDoc searches in a worker that it makes from a blob.
_POLICY = CONTENT_SECURITY_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


@bp.get(f"{PREFIX}/openapi.json")
@public
def openapi() -> Response:
    """The OpenAPI 3.1 document."""
    carriers = tuple((name, known.declares_orders) for name, known in sorted(get_carriers().items()))
    found = document(current_app.config["API_RATE_LIMIT"], carriers)
    # Not jsonify, which sorts: the operations are to be read in the order in which they are declared.
    return Response(json.dumps(found), mimetype="application/json")


@bp.get("/docs")
@public
def swagger() -> Response:
    """The document in Swagger UI, where calls can be tried."""
    return _page("api/swagger.html", _POLICY, folder=SWAGGER)


@bp.get("/redoc")
@public
def redoc() -> Response:
    """The document in ReDoc, for reading."""
    return _page("api/redoc.html", f"{_POLICY}; worker-src blob:", folder=REDOC)


def _page(template: str, policy: str, *, folder: str) -> Response:
    answer = make_response(render_template(template, folder=folder))
    answer.headers["Content-Security-Policy"] = policy
    return answer
