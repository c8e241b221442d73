"""The blueprint of these pages, in a module of its own so that the views need not import each other."""

from flask import Blueprint

bp = Blueprint("customers", __name__, url_prefix="/customers")
