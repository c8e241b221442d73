"""What costs much: so often a user, and few at once, so that everybody else is still served.

Files, uploads, reports and searches cost the more, the larger the book or what is sent. A process works on a few at a
time, of one user on half as many, and answers more with 429: threads are left for all other pages and `/healthz`.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Flask, Response, current_app, g, request
from flask_login import current_user

from tusker.errors import TooManyTries
from tusker.extensions import limiter

SECONDS = 5
"""After which somebody who found no place may try again."""

_lock = threading.Lock()
_running: Counter[str] = Counter()


def _user() -> str:
    return f"user:{current_user.id}"


@limiter.shared_limit(lambda: current_app.config["COSTLY_RATE_LIMIT"], scope="costly", key_func=_user)
def _count_costly() -> None:
    """Raises 429 when somebody has asked for too much."""


@limiter.shared_limit(lambda: current_app.config["SEARCH_RATE_LIMIT"], scope="searches", key_func=_user)
def _count_search() -> None:
    """Raises 429 when somebody searches too often."""


def spare_others(costly: bool) -> None:
    """Count what the signed-in user asks for; where it is costly, raise `TooManyTries` while there is no place for it.

    Of a view that shows a form, too, only what is sent is costly.
    """
    if request.args.get("q"):
        _count_search()
    rule = request.url_rule
    if costly and (request.method == "POST" or rule is None or "POST" not in (rule.methods or ())):
        _count_costly()
        g.leave_place = take_place(_user())


def take_place(who: str) -> Callable[[], None]:
    """Begin something costly for somebody; returns what ends it. Raises `TooManyTries` while too much runs."""
    if not limiter.enabled:
        return lambda: None
    most = current_app.config["COSTLY_AT_ONCE"]
    with _lock:
        if _running[who] >= (most + 1) // 2 or _running.total() >= most:
            raise TooManyTries(
                "Too many reports are being calculated at the moment. Try again in {seconds} seconds.",
                seconds=SECONDS,
            )
        _running[who] += 1

    def leave() -> None:
        with _lock:
            _running[who] -= 1
            if not _running[who]:
                del _running[who]

    return leave


@contextmanager
def place_of(who: str) -> Iterator[None]:
    """Hold a place while something costly is done."""
    leave = take_place(who)
    try:
        yield
    finally:
        leave()


@contextmanager
def costly_part() -> Iterator[None]:
    """Count something costly of a view that mostly is not, and hold a place for the signed-in user while it is done."""
    _count_costly()
    with place_of(_user()):
        yield


def init_app(app: Flask) -> None:
    """Have places left when their answer is sent; a file is written while it is sent."""
    app.after_request(_leave_after)
    app.teardown_request(_leave)


def _leave_after(answer: Response) -> Response:
    if answer.is_streamed and (leave := g.pop("leave_place", None)):
        answer.call_on_close(leave)
    return answer


def _leave(_: BaseException | None) -> None:
    if leave := g.pop("leave_place", None):
        leave()
