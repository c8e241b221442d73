"""Python begins with this where PYTHONPATH leads here: the application's clock is DAYS_AHEAD days ahead."""

from __future__ import annotations

import os
import sys
from datetime import timedelta

if {"flask", "gunicorn", "worker.py"} & set(sys.orig_argv):
    from tusker import clock

    now = clock.now
    ahead = timedelta(days=int(os.environ["DAYS_AHEAD"]))
    clock.now = lambda: now() + ahead
