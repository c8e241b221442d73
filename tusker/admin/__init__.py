"""The room of the lender's own people: dashboard, queue, disbursals, repayments, control, users, imports."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from flask import Flask

from tusker.admin.blueprint import bp


def init_app(app: Flask) -> None:
    """Register the pages of every module in this package."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    app.register_blueprint(bp)
