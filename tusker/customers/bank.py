"""Bank details of suppliers; a supplier sees its own."""

from typing import Any

from flask import Response, render_template, url_for
from flask_login import current_user

from tusker.customers.blueprint import bp
from tusker.customers.forms import BankAccountForm
from tusker.domain.accounts import HOLDER_MAX
from tusker.errors import InvalidInput, NotFound
from tusker.messages import say
from tusker.models import BankAccountState, Customer, Role
from tusker.queries.credit.customers import customer_by_id
from tusker.queries.payout.bank_accounts import accounts_of
from tusker.queries.proposals import open_proposal, proposed_account
from tusker.services.payout.bank_accounts import set_account
from tusker.transactions import transaction
from tusker.web.access import acting, allow, current_company_id
from tusker.web.htmx import done, render

PAGE, PARTIAL = "customers/payout/bank.html", "customers/payout/_bank.html"


@bp.get("/<int:customer_id>/bank-details")
@allow(Role.ADMIN, Role.AUDITOR)
def bank_details(customer_id: int) -> Response:
    """The account in use, the one that waits for another admin, and earlier ones."""
    return render(PAGE, PARTIAL, **bank_context(_supplier(customer_id)))


@bp.post("/<int:customer_id>/bank-details")
@allow(Role.ADMIN, fresh=True)
def propose_bank_details(customer_id: int) -> Response:
    form = BankAccountForm()
    if form.validate_on_submit():
        try:
            with transaction():
                made = set_account(acting(), customer_id, form.account())
        except InvalidInput as error:
            form.take(error)
        else:
            return done(
                say("Payouts go to this account from now on."),
                made=made,
                to=url_for("customers.show", customer_id=customer_id, _anchor="bank-details"),
                partial=PARTIAL,
                **bank_context(_supplier(customer_id)),
            )
    return render(PAGE, PARTIAL, status=422, **bank_context(_supplier(customer_id), form=form))


@bp.get("/own/bank-details")
@allow(Role.SUPPLIER)
def my_bank_details() -> str:
    """The supplier's own account; its number is masked, since others may see the screen."""
    accounts = accounts_of(current_company_id())
    return render_template(
        "customers/payout/my_bank.html",
        active=next((a for a in accounts if a.state == BankAccountState.ACTIVE), None),
        **_waiting(current_company_id()),
    )


def bank_context(customer: Customer, *, form: BankAccountForm | None = None) -> dict[str, Any]:
    """What the template of a supplier's bank details needs."""
    accounts = accounts_of(customer.id)
    return {
        "customer": customer,
        "active": next((a for a in accounts if a.state == BankAccountState.ACTIVE), None),
        "earlier": [a for a in accounts if a.state == BankAccountState.REPLACED],
        "may_decide": current_user.role == Role.ADMIN,
        "bank_form": form or BankAccountForm(formdata=None, holder=customer.name[:HOLDER_MAX]),
        **_waiting(customer.id),
    }


def _waiting(customer_id: int) -> dict[str, Any]:
    proposal = open_proposal("use_account", "customer", customer_id)
    return {"proposal": proposal, "proposed": proposed_account(proposal) if proposal else None}


def _supplier(customer_id: int) -> Customer:
    customer = customer_by_id(customer_id)
    if customer.supplier is None:
        raise NotFound("This customer is not a supplier, so it has no bank details.")
    return customer
