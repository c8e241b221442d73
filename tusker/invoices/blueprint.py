"""The blueprint of the invoice pages."""

from flask import Blueprint

bp = Blueprint("invoices", __name__, url_prefix="/invoices")
