"""Pages of invoices: requesting, following and listing them, and the companies' dashboards."""

from __future__ import annotations

from flask import Flask

from tusker.invoices import (  # noqa: F401 (views of the blueprint)
    actions,
    confirming,
    dashboard,
    documents,
    listing,
    open_orders,
    paying,
    repaying,
    requesting,
    routes,
    waiting,
)
from tusker.invoices.blueprint import bp


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
