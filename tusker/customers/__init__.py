"""Pages of companies and credit lines: for admins and auditors all, for a company's users its own."""

from __future__ import annotations

from flask import Flask

from tusker.customers import bank, companies, holds, lines, own, tokens  # noqa: F401 (register their views)
from tusker.customers.blueprint import bp


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)
