"""Pages of reports: ageing, balances and exposures as of any day, statements, the calculator."""

from __future__ import annotations

from flask import Flask

from tusker.reports import (  # noqa: F401 (views of the blueprint)
    ageing,
    balances,
    calculator,
    classification,
    exposure,
    period,
    statements,
)
from tusker.reports.blueprint import bp


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
