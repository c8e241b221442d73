"""The limits of companies by hand: on which days they admit something new, and putting a company on hold."""

from tusker.domain.credit.limits import SIDE_SAID, Validity
from tusker.errors import Conflict, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import Customer
from tusker.models.credit.customer import ACCOUNTS
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.exposure import ADMIT_WAITING_JOB
from tusker.services.locks import lock_customer, lock_rows
from tusker.services.proposals import needs_second
from tusker.services.reasons import reason_of
from tusker.transactions import after_commit


def hold_customer(ctx: Context, customer_id: int, *, reason: str) -> Customer:
    """Put a company on hold: nothing new is admitted and nothing is paid out; repayments are never held."""
    why = reason_of(reason)
    customer = lock_customer(customer_id)
    if customer.held_since is not None:
        raise Conflict("{customer} is on hold already.", customer=customer.name)
    customer.held_since, customer.held_reason = ctx.today, why
    record_event(ctx, ("customer", customer_id), "put_on_hold", reason=why)
    db.session.flush()
    return customer


@needs_second(say("Lift the hold on a company"), about="customer")
def lift_hold(ctx: Context, customer_id: int, *, reason: str) -> Customer:
    """Lift the hold that an admin put on a company; one for being overdue goes with the payment only."""
    why = reason_of(reason)
    customer = lock_customer(customer_id)
    if customer.held_since is None:
        raise Conflict("No admin has {customer} on hold.", customer=customer.name)
    record_event(ctx, ("customer", customer_id), "hold_lifted", from_value=customer.held_reason, reason=why)
    customer.held_since = customer.held_reason = None
    db.session.flush()
    after_commit(ADMIT_WAITING_JOB)
    return customer


@needs_second(say("Change the days of a limit"), about="customer", always=False)
def set_validity(ctx: Context, customer_id: int, side: str, validity: Validity) -> Customer:
    """Set the days on which a company's limit as `supplier` or `purchaser` admits something new."""
    if validity.first and validity.last and validity.last < validity.first:
        raise InvalidInput("The last day must not be before the first.", field="valid_to")
    customer = lock_customer(customer_id)
    accounts = lock_rows(ACCOUNTS[side], ACCOUNTS[side].customer_id == customer_id)
    if not accounts:
        raise Conflict("{company} is not a {side}.", company=customer.name, side=SIDE_SAID[side])
    [account] = accounts
    before = account.validity
    if before != validity:
        account.valid_from, account.valid_to = validity.first, validity.last
        record_event(
            ctx,
            ("customer", customer_id),
            f"{side}_dates_changed",
            from_value=before.words,
            to_value=validity.words,
            asks_second=validity.reaches_beyond(before),
        )
        db.session.flush()
        after_commit(ADMIT_WAITING_JOB)
    return customer
