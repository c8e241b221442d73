"""The blueprint of the invoice pages, and whose invoices the signed-in user may see."""

from __future__ import annotations

from flask import Blueprint
from flask_login import current_user

from tusker.models import Role
from tusker.queries.credit.invoices import Scope
from tusker.web.access import current_company_id, is_staff

bp = Blueprint("invoices", __name__, url_prefix="/invoices")


def my_scope() -> Scope:
    """Staff see all invoices, a supplier those it asked for, a purchaser those it has to repay."""
    if is_staff():
        return Scope()
    if current_user.role == Role.SUPPLIER:
        return Scope(supplier_id=current_company_id())
    return Scope(purchaser_id=current_company_id())
