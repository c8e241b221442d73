"""WSGI entry point: `gunicorn wsgi:app`; the `flask` command finds it by its name."""

from __future__ import annotations

import config
from tusker.app import create_app

app = create_app(config.load())
