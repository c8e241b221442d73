"""Reading what is to be financed from a request body; errors name the body's own fields."""

from collections.abc import Iterator
from contextlib import contextmanager

from tusker.api import inputs, schemas
from tusker.api.problems import ApiError
from tusker.carriers.base import Carrier
from tusker.carriers.registry import get_carrier, get_carriers
from tusker.errors import InvalidInput, TuskerError
from tusker.services.credit.requesting.subject import RequestSubject, details_needed, subject_of

REFS = ("order_ref", "tracking_number")
DETAILS = ("credit_line_id", "number", "amount", "invoice_date")


def ref_field(carrier: Carrier) -> str:
    """The field that the reference of an order or parcel is sent in."""
    return "order_ref" if carrier.declares_orders else "tracking_number"


def read_subject(supplier_id: int, body: inputs.QuoteRequest) -> RequestSubject:
    """What a body asks for; raises an error that names each field that is missing or does not belong there."""
    carrier = _carrier(body)
    _check_fields(body, carrier)
    with naming(carrier):
        return subject_of(
            supplier_id,
            carrier,
            getattr(body, ref_field(carrier)),
            credit_line_id=body.credit_line_id,
            number=body.number,
            amount=body.amount,
            invoice_date=body.invoice_date,
        )


def fields_sent(body: inputs.QuoteRequest, carrier: Carrier) -> dict[str, object]:
    """The fields of a request at this delivery company as JSON, by which a repetition is recognised."""
    unsent = {*REFS, *DETAILS} - {ref_field(carrier), *details_needed(carrier)}
    return {**body.model_dump(mode="json", exclude={*unsent, "idempotency_key"}), "carrier": carrier.name}


@contextmanager
def naming(carrier: Carrier) -> Iterator[None]:
    """Errors about the reference name the field that it was sent in."""
    try:
        yield
    except TuskerError as error:
        name_field(error, carrier)
        raise


def name_field(error: TuskerError, carrier: Carrier) -> None:
    """Have an error about the reference name the field that it was sent in."""
    if error.field == "order_ref":
        error.field = ref_field(carrier)


def _carrier(body: inputs.QuoteRequest) -> Carrier:
    """The delivery company that is named; without a name, the only one there is, or of the kind that is meant."""
    if body.carrier is not None:
        return get_carrier(body.carrier)
    known = list(get_carriers().values())
    if len(known) > 1:
        known = [carrier for carrier in known if carrier.declares_orders is (body.tracking_number is None)]
    if len(known) != 1:
        raise InvalidInput("Name the delivery company; GET /me lists them.", field="carrier")
    return known[0]


def _check_fields(body: inputs.QuoteRequest, carrier: Carrier) -> None:
    needed = (ref_field(carrier), *details_needed(carrier))
    kind = "an order" if carrier.declares_orders else "a parcel"
    errors = [
        schemas.FieldError(field=name, message=f"{name} is missing.")
        for name in needed
        if getattr(body, name) is None
    ] + [
        schemas.FieldError(field=name, message=f"{name} does not belong to {kind} of this delivery company.")
        for name in (*REFS, *DETAILS)
        if name not in needed and getattr(body, name) is not None
    ]
    if errors:
        raise ApiError("invalid_input", " ".join(error.message for error in errors), errors)
