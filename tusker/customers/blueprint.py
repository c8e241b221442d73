"""The room's blueprint; apart, so that its modules of views need not import each other."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("customers", __name__, url_prefix="/customers")
