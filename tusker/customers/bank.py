"""Bank details of suppliers: one admin proposes, another approves; a supplier sees its own."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, render_template, url_for
from flask_login import current_user

from tusker.customers.blueprint import bp
from tusker.customers.forms import BankAccountForm, ReasonForm
from tusker.domain.accounts import HOLDER_MAX
from tusker.errors import InvalidInput, NotFound
from tusker.models import BankAccountState, Customer, Role
from tusker.queries.credit.customers import customer_by_id
from tusker.queries.payout.bank_accounts import accounts_of, customer_of, open_proposals
from tusker.services.payout.bank_accounts import approve_account, propose_account, refuse_account
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.htmx import done, render

PAGE, PARTIAL = "customers/payout/bank.html", "customers/payout/_bank.html"


@bp.get("/bank-details")
@allow(Role.ADMIN, Role.AUDITOR)
def bank_proposals() -> str:
    return render_template(
        "customers/payout/bank_proposals.html", proposals=open_proposals(), second_admin=_second_admin()
    )


@bp.get("/<int:customer_id>/bank-details")
@allow(Role.ADMIN, Role.AUDITOR)
def bank_details(customer_id: int) -> Response:
    """The account in use, the one that waits for approval, and earlier ones."""
    return render(PAGE, PARTIAL, **bank_context(_supplier(customer_id)))


@bp.post("/<int:customer_id>/bank-details")
@allow(Role.ADMIN)
def propose_bank_details(customer_id: int) -> Response:
    form = BankAccountForm()
    if form.validate_on_submit():
        try:
            with transaction():
                propose_account(acting(), customer_id, form.account())
        except InvalidInput as error:
            form.take(error)
        else:
            words = "another admin must approve them" if _second_admin() else "approve them to have them used"
            return _answer(customer_id, f"The new bank details are proposed; {words}.")
    return render(PAGE, PARTIAL, status=422, **bank_context(_supplier(customer_id), form=form))


@bp.post("/bank-details/<int:account_id>/approve")
@allow(Role.ADMIN)
def approve_bank_details(account_id: int) -> Response:
    customer_id = customer_of(account_id)
    with transaction():
        approve_account(acting(), account_id, second_admin=_second_admin())
    return _answer(customer_id, "Approved: payouts go to this account from now on.")


@bp.post("/bank-details/<int:account_id>/refuse")
@allow(Role.ADMIN)
def refuse_bank_details(account_id: int) -> Response:
    customer_id = customer_of(account_id)
    form = ReasonForm()
    if form.validate_on_submit():
        try:
            with transaction():
                refuse_account(acting(), account_id, reason=form.reason.filled)
        except InvalidInput as error:
            form.take(error)
        else:
            return _answer(customer_id, "The proposed bank details are not taken.")
    return render(PAGE, PARTIAL, status=422, **bank_context(_supplier(customer_id), reason_form=form))


@bp.get("/own/bank-details")
@allow(Role.SUPPLIER)
def my_bank_details() -> str:
    """The supplier's own account; its number is masked, since others may see the screen."""
    accounts = accounts_of(current_company_id())
    return render_template(
        "customers/payout/my_bank.html",
        active=next((a for a in accounts if a.state == BankAccountState.ACTIVE), None),
        proposal=next((a for a in accounts if a.state == BankAccountState.PROPOSED), None),
    )


def bank_context(
    customer: Customer, *, form: BankAccountForm | None = None, reason_form: ReasonForm | None = None
) -> dict[str, Any]:
    """What the template of a supplier's bank details needs."""
    accounts = accounts_of(customer.id)
    proposal = next((a for a in accounts if a.state == BankAccountState.PROPOSED), None)
    admin = current_user.role == Role.ADMIN
    return {
        "customer": customer,
        "active": next((a for a in accounts if a.state == BankAccountState.ACTIVE), None),
        "proposal": proposal,
        "earlier": [a for a in accounts if a.state in (BankAccountState.REPLACED, BankAccountState.REFUSED)],
        "second_admin": _second_admin(),
        "may_decide": admin,
        "may_approve": admin
        and proposal is not None
        and proposal.awaits(current_user.id, second_admin=_second_admin()),
        "bank_form": form or BankAccountForm(formdata=None, holder=customer.name[:HOLDER_MAX]),
        "reason_form": reason_form or ReasonForm(formdata=None),
    }


def _answer(customer_id: int, message: str) -> Response:
    return done(
        message,
        to=url_for("customers.show", customer_id=customer_id, _anchor="bank-details"),
        partial=PARTIAL,
        **bank_context(_supplier(customer_id)),
    )


def _supplier(customer_id: int) -> Customer:
    customer = customer_by_id(customer_id)
    if customer.supplier is None:
        raise NotFound("This customer is not a supplier, so it has no bank details.")
    return customer


def _second_admin() -> bool:
    required: bool = current_app.config["REQUIRE_SECOND_ADMIN"]
    return required
