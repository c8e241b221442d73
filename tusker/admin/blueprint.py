"""The blueprint that all modules of this package register their views on."""

from flask import Blueprint

bp = Blueprint("admin", __name__, url_prefix="/admin")
