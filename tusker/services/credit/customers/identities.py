"""A company's ids at delivery companies, and its cities."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from tusker.domain.texts import city_name
from tusker.errors import Duplicate, InvalidInput
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierIdentity, Customer
from tusker.services.attention import WATCH_JOB
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_customer
from tusker.services.proposals import needs_second
from tusker.transactions import after_commit

MOST_CITIES = 100


@dataclass(frozen=True, slots=True)
class IdentityData:
    """An id at a delivery company; `side` is supplier or purchaser."""

    carrier: str
    side: str
    external_id: str
    label: str = ""


def set_carrier_identities(ctx: Context, customer_id: int, wanted: Iterable[IdentityData]) -> Customer:
    """Make a company's ids at delivery companies exactly `wanted`. A supplier has one id a carrier, a purchaser
    any number of locations; an id belongs to one company only."""
    customer = lock_customer(customer_id)
    unique = {(i.carrier, i.side, i.external_id.strip()): i for i in wanted if i.external_id.strip()}
    supplier_ids = [key[0] for key in unique if key[1] == "supplier"]
    if len(set(supplier_ids)) != len(supplier_ids):
        raise InvalidInput("A supplier has one id at each delivery company.", field="supplier_external_id")
    for identity in list(customer.carrier_identities):
        key = (identity.carrier, identity.side, identity.external_id)
        if key not in unique:
            customer.carrier_identities.remove(identity)
            record_event(ctx, ("customer", customer_id), "carrier_id_removed", from_value=" ".join(key))
        else:
            identity.label = unique.pop(key).label
    db.session.flush()
    for (carrier, side, external_id), data in unique.items():
        _check_identity_free(carrier, side, external_id)
        customer.carrier_identities.append(
            CarrierIdentity(carrier=carrier, side=side, external_id=external_id, label=data.label)
        )
        record_event(
            ctx, ("customer", customer_id), "carrier_id_added", to_value=f"{carrier} {side} {external_id}"
        )
    db.session.flush()
    return customer


@needs_second(say("Change the cities of a company"), about="customer", always=False)
def set_cities(ctx: Context, customer_id: int, cities: str) -> Customer:
    """Say in which cities a company sends and receives, separated by commas; a parcel of others is held, and of one
    whose cities are not known nothing is."""
    names = sorted({name[:120] for part in cities.split(",") if (name := city_name(part))})
    if len(names) > MOST_CITIES:
        raise InvalidInput(
            "A company has at most {most_cities} cities.", most_cities=MOST_CITIES, field="cities"
        )
    customer = lock_customer(customer_id)
    before = list(customer.cities)
    if before != names:
        customer.cities = names
        record_event(
            ctx,
            ("customer", customer_id),
            "cities_changed",
            from_value=", ".join(before)[:500],
            to_value=", ".join(names)[:500],
            asks_second=bool(before) and not (names and set(names) <= set(before)),
        )
        db.session.flush()
        # Invoices are locked before companies, so those that wait are judged again by a job after the commit.
        after_commit(WATCH_JOB)
    return customer


def _check_identity_free(carrier: str, side: str, external_id: str) -> None:
    owner = db.session.scalar(
        select(Customer.name)
        .join(CarrierIdentity)
        .where(
            CarrierIdentity.carrier == carrier,
            CarrierIdentity.side == side,
            CarrierIdentity.external_id == external_id,
        )
    )
    if owner is not None:
        raise Duplicate(
            "The id {external_id} at {carrier} belongs to {owner}.",
            external_id=external_id,
            carrier=carrier,
            owner=owner,
            field=f"{side}_external_id",
        )
