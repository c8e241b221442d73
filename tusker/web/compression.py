"""Answers are compressed, except those that show a secret once; development says how long each took.

BREACH guesses a secret by how well an answer compresses that also holds an attacker's words. Pages hold a CSRF token
and echo searches, so each compressed page is of a random length: a header of up to `PADDING` letters travels with
it, in the same encrypted stream. Session cookies are SameSite=Lax, so another site cannot ask unseen in a user's name
either. Pages that show a token, a key or recovery codes are not compressed at all.
"""

import secrets
from time import perf_counter

from flask import Flask, Response, g, has_request_context, request
from flask_compress import Compress
from sqlalchemy import Connection, Engine, event

PADDING = 128
SHOW_SECRETS = frozenset({"customers.create_company_token", "customers.create_my_token"})
"""Besides all pages of `auth`."""
_compress = Compress()


def init_app(app: Flask) -> None:
    """Compress what is text; in development, tell the times."""
    app.config.setdefault("COMPRESS_REGISTER", False)
    app.config.setdefault("COMPRESS_ALGORITHM", ["br", "gzip"])
    app.config.setdefault("COMPRESS_ALGORITHM_STREAMING", ["br"])
    _compress.init_app(app)
    app.after_request(_compressed)
    if app.config["ENVIRONMENT"] == "DEVELOPMENT":
        _tell_times(app)


def _compressed(answer: Response) -> Response:
    if request.blueprint == "auth" or request.endpoint in SHOW_SECRETS:
        return answer
    answer = _compress.after_request(answer)
    if answer.mimetype == "text/html" and "Content-Encoding" in answer.headers:
        answer.headers["X-Padding"] = secrets.token_hex(PADDING)[: secrets.randbelow(PADDING)]
    return answer


def _tell_times(app: Flask) -> None:
    """`Server-Timing` for the developer tools of browsers: all, and what the database took of it."""

    @app.before_request
    def begin() -> None:
        g.began, g.statements, g.in_database = perf_counter(), 0, 0.0

    @app.after_request
    def tell(answer: Response) -> Response:
        if "began" in g:
            took, in_database = (1000 * each for each in (perf_counter() - g.began, g.in_database))
            said = f'app;dur={took:.1f}, db;dur={in_database:.1f};desc="{g.statements} statements"'
            answer.headers["Server-Timing"] = said
        return answer

    @event.listens_for(Engine, "before_cursor_execute")
    def sent(connection: Connection, *_: object) -> None:
        connection.info["sent_at"] = perf_counter()

    @event.listens_for(Engine, "after_cursor_execute")
    def answered(connection: Connection, *_: object) -> None:
        if has_request_context() and "began" in g:
            g.statements += 1
            g.in_database += perf_counter() - connection.info["sent_at"]
