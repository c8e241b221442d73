"""Flask's test client as a browser of its own."""

from __future__ import annotations

import contextvars
from typing import Any

from flask.testing import FlaskClient


class Browser(FlaskClient):
    """A test client whose requests share nothing with the test's own app context.

    Otherwise flask-login's user and the database session of one request would live on in the next.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        # An answer that is written while it is read has to be read in the same context.
        kwargs.setdefault("buffered", True)
        return contextvars.Context().run(super().open, *args, **kwargs)
