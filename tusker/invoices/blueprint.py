"""The blueprint of the invoice pages."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("invoices", __name__, url_prefix="/invoices")
