"""Pages of reports: ageing, balances and exposures as of any day, statements, the calculator."""

from __future__ import annotations

from flask import Flask

from tusker.reports import ageing, balances, calculator, exposure, statements  # noqa: F401 (views of the blueprint)
from tusker.reports.blueprint import bp


def init_app(app: Flask) -> None:
    """Register the pages of reports."""
    app.register_blueprint(bp)
