"""Companies: creating them, their limits, and the terms their lines start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from tusker.currency import currency
from tusker.domain.credit.limits import SIDE_SAID
from tusker.domain.terms import Terms
from tusker.errors import Conflict, Duplicate, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CreditLine, Customer, PurchaserAccount, SupplierAccount
from tusker.models.credit.customer import ACCOUNTS
from tusker.queries.credit.customers import lines_count_of, supplier_limits_total
from tusker.services.context import Context
from tusker.services.credit.customers.identities import IdentityData, set_carrier_identities
from tusker.services.credit.customers.limit_days import note_limit
from tusker.services.events import record_event
from tusker.services.exposure import ADMIT_WAITING_JOB
from tusker.services.locks import AdvisoryLock, lock_customer, lock_rows, take_lock
from tusker.services.outbox import admin_addresses, queue_mail
from tusker.services.people.users import clean_email
from tusker.services.proposals import needs_second
from tusker.transactions import after_commit


@dataclass(frozen=True, slots=True)
class CustomerData:
    """What a form or file says of a company. A limit of None means that it does not have that side.

    Limits are in minor units; `terms` are needed with a supplier limit.
    """

    name: str
    email: str | None = None
    reference: str | None = None
    supplier_limit: int | None = None
    purchaser_limit: int | None = None
    terms: Terms | None = None


def programme_limit() -> int:
    """The installation's bound of the sum of all supplier limits, in minor units."""
    return currency().minor(current_app.config["PROGRAMME_LIMIT"])


@needs_second(say("Create a company"), always=False, fresh={"programme_limit": programme_limit})
def create_customer(
    ctx: Context,
    data: CustomerData,
    *,
    programme_limit: int,
    notify: bool = True,
    identities: Sequence[IdentityData] = (),
) -> Customer:
    """Create a company as supplier, purchaser or both; admins are told of a new supplier by mail.

    Raises `InvalidInput` or `Duplicate` naming the field. `programme_limit` in minor units bounds the sum of all
    supplier limits.
    """
    _check_has_side(data)
    customer = Customer(
        name=_unused_name(data.name),
        reference=_unused_reference(data.reference),
        email=clean_email(data.email) if data.email else None,
        created_at=ctx.now,
    )
    try:
        # In a savepoint, so that a form sent twice at once makes one company and one clear message.
        with db.session.begin_nested():
            db.session.add(customer)
    except IntegrityError:
        raise Duplicate("A customer with this name or reference exists already.", field="name") from None
    record_event(ctx, customer, "created", to_value=customer.name)
    _set_sides(ctx, customer, data, programme_limit, before={})
    if data.supplier_limit is not None and notify:
        queue_mail(
            ctx,
            "credit/new_supplier",
            admin_addresses(),
            name=customer.name,
            customer_id=customer.id,
            limit=currency().show(data.supplier_limit),
        )
    db.session.flush()
    if identities:
        set_carrier_identities(ctx, customer.id, identities)
    return customer


@needs_second(say("Change a company"), "customer", always=False, fresh={"programme_limit": programme_limit})
def edit_customer(
    ctx: Context,
    customer_id: int,
    data: CustomerData,
    *,
    programme_limit: int,
    cascade: bool = False,
    identities: Sequence[IdentityData] | None = None,
) -> int:
    """Change a company's name, addresses and limits; a side may be added, and taken away while it has no lines.

    A limit may be set below what is used: then nothing new is admitted until it fits again. With terms a supplier's
    default terms are changed too, and with `cascade` those of its lines; returns how many lines took them over.
    Without `identities` its ids at delivery companies stay as they are.
    """
    _check_has_side(data)
    # Credit lines are locked before the supplier, as admission does; the company's own row goes before both.
    customer = lock_customer(customer_id)
    changed = 0
    if customer.supplier is not None and data.supplier_limit is not None and data.terms is not None:
        changed = _change_default_terms(ctx, customer_id, data.terms, cascade=cascade)
    for field, value in (
        ("name", _unused_name(data.name, customer_id)),
        ("reference", _unused_reference(data.reference, customer_id)),
        ("email", clean_email(data.email) if data.email else None),
    ):
        before = getattr(customer, field)
        if before != value:
            setattr(customer, field, value)
            record_event(
                ctx,
                ("customer", customer_id),
                f"{field}_changed",
                from_value=before or "",
                to_value=value or "",
                asks_second=field == "email",
            )
            if field == "email" and before:
                queue_mail(ctx, "credit/email_changed", [before], name=customer.name, address=value)
    _set_sides(ctx, customer, data, programme_limit, before=_limits_now(customer_id))
    db.session.flush()
    if identities is not None:
        set_carrier_identities(ctx, customer_id, identities)
    return changed


def _change_default_terms(ctx: Context, customer_id: int, terms: Terms, *, cascade: bool) -> int:
    """Set the terms that a supplier's new lines take over; with `cascade` its lines get them too.

    Invoices keep the terms that were frozen on them. Returns how many lines changed.
    """
    lines = lock_rows(CreditLine, CreditLine.supplier_id == customer_id) if cascade else []
    accounts = lock_rows(SupplierAccount, SupplierAccount.customer_id == customer_id)
    if not accounts:
        raise Conflict("This customer is not a supplier.")
    account = accounts[0]
    set_terms(ctx, account, terms, "customer", customer_id)
    changed = [line for line in lines if set_terms(ctx, line, terms, "credit_line", line.id)]
    for line in changed:
        line.terms_version += 1
    db.session.flush()
    return len(changed)


def set_terms(
    ctx: Context, row: SupplierAccount | CreditLine, terms: Terms, subject: str, subject_id: int
) -> bool:
    """Write terms to a locked row with one event that names what changed; False when nothing did."""
    before, after = row.terms.as_dict(), terms.as_dict()
    changed = {name: [str(before[name]), str(after[name])] for name in after if before[name] != after[name]}
    if not changed:
        return False
    for name in changed:
        setattr(row, name, after[name])
    record_event(ctx, (subject, subject_id), "terms_changed", changed=changed, asks_second=True)
    return True


def new_terms(terms: Terms) -> dict[str, list[str | None]]:
    """Terms as an event tells those of something new."""
    return {name: [None, str(value)] for name, value in terms.as_dict().items() if value is not None}


def _check_has_side(data: CustomerData) -> None:
    if data.supplier_limit is None and data.purchaser_limit is None:
        raise InvalidInput(
            "A customer is a supplier, a purchaser or both: enter a limit.", field="supplier_limit"
        )


def _set_sides(
    ctx: Context, customer: Customer, data: CustomerData, programme_limit: int, before: Mapping[str, int]
) -> None:
    if data.supplier_limit is not None:
        _check_programme(customer.id, data.supplier_limit, programme_limit, before.get("supplier"))
    limits = {"supplier": data.supplier_limit, "purchaser": data.purchaser_limit}
    for side, limit in limits.items():
        _set_side(ctx, customer, side, before.get(side), limit, data.terms)


def _limits_now(customer_id: int) -> dict[str, int]:
    """The company's limits, locked in the order of admission."""
    found = {}
    for side, model in ACCOUNTS.items():
        row = db.session.execute(
            select(model.limit_amount).where(model.customer_id == customer_id).with_for_update(key_share=True)
        ).first()
        if row is not None:
            found[side] = row.limit_amount
    return found


def _set_side(
    ctx: Context,
    customer: Customer,
    side: str,
    before: int | None,
    limit: int | None,
    terms: Terms | None,
) -> None:
    if before == limit:
        return
    model = ACCOUNTS[side]
    if limit is not None and limit < 0:
        negative = say("The {side} limit must not be negative.", side=SIDE_SAID[side])
        raise InvalidInput(negative, field=f"{side}_limit")
    if limit is None:
        _check_no_lines(customer.id, side)
        db.session.query(model).filter_by(customer_id=customer.id).delete()
        db.session.expire(customer, [side])
    elif before is not None:
        db.session.query(model).filter_by(customer_id=customer.id).update({"limit_amount": limit})
        after_commit(ADMIT_WAITING_JOB)
    elif model is SupplierAccount:
        if terms is None:
            raise InvalidInput("A supplier needs default terms.", field="advance_rate")
        customer.supplier = SupplierAccount(limit_amount=limit, used_amount=0, **terms.as_dict())
    else:
        customer.purchaser = PurchaserAccount(limit_amount=limit, used_amount=0)
    note_limit(ctx, side, customer.id, limit or 0)
    begins: dict[str, Any] = {}
    if before is None and side == "supplier" and terms is not None:
        begins["changed"] = new_terms(terms)
    record_event(
        ctx,
        customer,
        f"{side}_limit_changed",
        from_value=None if before is None else currency().show(before),
        to_value=None if limit is None else currency().show(limit),
        before=before,
        after=limit,
        **begins,
        asks_second=(limit or 0) > (before or 0),
    )


def _check_no_lines(customer_id: int, side: str) -> None:
    if lines_count_of(customer_id, side):
        raise Conflict(
            "This customer has credit lines as {side}; it cannot stop being one. Set the limit to 0 instead.",
            side=SIDE_SAID[side],
        )


def _check_programme(customer_id: int, limit: int, programme_limit: int, before: int | None) -> None:
    """The supplier limits together may not exceed the programme limit; lowering one is always possible."""
    take_lock(AdvisoryLock.PROGRAMME)
    left = programme_limit - supplier_limits_total(without=customer_id)
    is_raised = before is None or limit > before
    if is_raised and limit > max(0, left):
        raise InvalidInput(
            "The supplier limits may not exceed the programme limit of {programme_limit}; "
            "{value} is left for this supplier.",
            programme_limit=currency().show(programme_limit),
            value=currency().show(max(0, left)),
            field="supplier_limit",
            room=left,
        )


def _unused_name(name: str, customer_id: int | None = None) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 120:
        raise InvalidInput("The name must have 1 to 120 characters.", field="name")
    owner = db.session.scalar(
        select(Customer.id).where(
            func.lower(Customer.name) == cleaned.lower(), Customer.id.is_distinct_from(customer_id)
        )
    )
    if owner is not None:
        raise Duplicate("There is a customer named “{cleaned}” already.", cleaned=cleaned, field="name")
    return cleaned


def _unused_reference(reference: str | None, customer_id: int | None = None) -> str | None:
    cleaned = (reference or "").strip()
    if not cleaned:
        return None
    if len(cleaned) > 60:
        raise InvalidInput("The reference may have at most 60 characters.", field="reference")
    owner = db.session.scalar(
        select(Customer.name).where(Customer.reference == cleaned, Customer.id.is_distinct_from(customer_id))
    )
    if owner is not None:
        raise Duplicate(
            "The reference “{cleaned}” belongs to {owner}.", cleaned=cleaned, owner=owner, field="reference"
        )
    return cleaned
