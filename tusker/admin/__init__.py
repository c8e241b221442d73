"""Pages of the lender's own people: dashboard, queue, disbursals, repayments, proof, users, imports."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages

from flask import Flask

from tusker.admin.blueprint import bp


def init_app(app: Flask) -> None:
    """Register the pages of all rooms in this package."""
    for module in walk_packages(__path__, f"{__name__}."):
        import_module(module.name)
    app.register_blueprint(bp)
