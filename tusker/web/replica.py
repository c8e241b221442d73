"""Reports are read from the copy of the database, where there is one that is not far behind."""

from flask import Flask, Response, g, request

from tusker.queries.record.replica import fresh_replica

BLUEPRINT = "reports"


def init_app(app: Flask) -> None:
    """Have reports read from the copy."""
    app.before_request(_choose)
    app.after_request(_tell)


def _choose() -> None:
    """After all other hooks: who asks is looked up, and noted, in the first database."""
    if request.blueprint == BLUEPRINT and request.method == "GET":
        g.replica = fresh_replica()


def _tell(answer: Response) -> Response:
    if g.get("replica") is not None:
        answer.headers["X-Read-From"] = "replica"
    return answer
