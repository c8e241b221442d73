"""WSGI entry point: `gunicorn wsgi:app`; the `flask` command finds it by its name."""

from __future__ import annotations

import gc

import config
from tusker.app import create_app

app = create_app(config.load())
gc.freeze()  # the pages' modules, which it loaded, and their routes stay to the end like the rest
