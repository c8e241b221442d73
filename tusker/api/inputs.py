"""What callers send to `/api/v1`: bodies and queries. The OpenAPI document is made from these models."""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.texts import one_line

LONGEST_KEY = 120
LONGEST_BATCH = 500


def _without_controls(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(sign) == "Cc" for sign in text):
        raise ValueError("must not contain control characters.")
    return text


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain control characters.")
    return text


def _not_blank(text: str) -> str:
    cleaned = text.strip()
    if not cleaned:
        raise ValueError("must not be empty.")
    return cleaned


def _whole(value: object) -> object:
    """To JSON and the document's `integer`, 5.0 is the number 5."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_SEEN = r"\p{L}\p{M}\p{N}\p{P}\p{S}"
_CLEANED = (  # what `one_line` makes a blank of or takes out
    " \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    "\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
)
Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=60,
        json_schema_extra={"pattern": f"^[{_SEEN}{_CLEANED}]*[{_SEEN}][{_SEEN}{_CLEANED}]*$"},  # as below
    ),
    AfterValidator(_without_controls),
    AfterValidator(one_line),
    AfterValidator(_printable),
    AfterValidator(_not_blank),
]
"""A reference as it is written on orders and invoices; blanks around it do not count."""


class Input(BaseModel):
    """A body or query that a caller sends: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


_PARCEL: dict[str, JsonValue] = {
    "carrier": "easypost",
    "tracking_number": "usps/9400110898825022579493",
    "credit_line_id": 12,
    "number": "INV-2041",
    "amount": 1250000,
    "invoice_date": "2026-03-02",
}


class QuoteRequest(Input):
    """What to look at: an order by `order_ref`, or a parcel by `tracking_number`.

    A delivery company that knows orders says itself what they are worth and whose they are. One that tracks parcels
    knows a number only (`GET /me` says which is which), so `credit_line_id`, `number`, `amount` and `invoice_date` are
    needed too.
    """

    model_config = ConfigDict(
        strict=True, json_schema_extra={"examples": [{"order_ref": "ORD-100045"}, _PARCEL]}
    )

    order_ref: Reference | None = None
    """The reference of an order. Not for parcels."""
    carrier: Annotated[str | None, Field(max_length=40)] = None
    """The delivery company, as `GET /me` lists it. May be left out when there is only one of its kind."""
    tracking_number: Reference | None = None
    """Of a parcel, with its courier in front where it is known: `usps/9400…`."""
    credit_line_id: Annotated[int | None, Field(ge=1, le=2**63 - 1), BeforeValidator(_whole)] = None
    """Of a parcel: one of your credit lines, as `GET /credit-lines` lists them."""
    number: Reference | None = None
    """Of a parcel: your invoice's number."""
    amount: Annotated[int | None, Field(ge=1, le=10**15), BeforeValidator(_whole)] = None
    """Of a parcel: what the invoice comes to, in the currency's smallest unit."""
    invoice_date: date | None = None
    """Of a parcel: the invoice's date, not in the future."""


class InvoiceRequest(QuoteRequest):
    """What to finance (see `QuoteRequest`), and on which terms."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [{"order_ref": "ORD-100045", "terms_version": 1}, {**_PARCEL, "terms_version": 1}]
        },
    )

    terms_version: Annotated[int | None, Field(ge=1, le=2**31 - 1), BeforeValidator(_whole)] = None
    """That of the quote you agreed to: the request fails when the terms have changed since. Left out, the present
    terms are taken."""


def sane_key(key: str) -> str:
    """An idempotency key as it may be; raises `ValueError`."""
    if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise ValueError(f"must be 1 to {LONGEST_KEY} printable ASCII characters.")
    return key


class BatchItem(InvoiceRequest):
    """A request in a batch."""

    idempotency_key: Annotated[str | None, AfterValidator(lambda key: key and sane_key(key))] = None
    """As the header `Idempotency-Key` of a request by itself."""


def _each_by_itself(value: Any, read: ValidatorFunctionWrapHandler) -> BatchItem | ValidationError:
    """What cannot be taken of one item is that item's answer; the others are decided."""
    try:
        item: BatchItem = read(value)
    except ValidationError as error:
        return error
    return item


class InvoiceBatch(Input):
    """Requests for financing, decided in their order."""

    model_config = ConfigDict(
        strict=True,
        json_schema_extra={
            "examples": [{"items": [{"order_ref": "ORD-100045", "idempotency_key": "2f1c8a"}]}]
        },
    )

    items: Annotated[
        list[Annotated[BatchItem, WrapValidator(_each_by_itself)]],
        Field(min_length=1, max_length=LONGEST_BATCH),
    ]


_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(?P<second>\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _instant(text: str) -> str:
    """A time as RFC 3339 and the document's `date-time` have it; pydantic takes numbers of seconds, too."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError("must be a time, such as 2026-03-02T06:30:00Z.")
    if found["second"] == "60":  # a leap second
        return f"{text[:17]}59{text[19:]}"
    return text


_EARLIEST, _LATEST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def _utc(given: datetime) -> datetime:
    """The same moment; the database takes no offsets of 16 hours and more."""
    try:
        return given.astimezone(UTC)
    except OverflowError:
        return _EARLIEST if given.year == 1 else _LATEST


def _digits(text: object) -> object:
    """A number as the document's `integer` has it; pydantic takes 5.0 and 1_0, too."""
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise ValueError("must be a whole number.")
    return text


class PageQuery(Input):
    """A page of a list, newest first."""

    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(_digits)] = 50
    """How many items at most."""
    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,18}$")] = None
    """`next_cursor` of the page before."""


class InvoiceQuery(PageQuery):
    """Which invoices to list."""

    status: InvoiceStatus | None = None
    """Only invoices in this status."""
    number: Reference | None = None
    """Only this number (of an order its reference)."""
    loan: Reference | None = None
    """Only loans with this id, ours or the lending platform's."""
    since: Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_utc)] | None = None
    """Only invoices requested at or after this time, with its offset from UTC."""


class DocumentQuery(Input):
    """What a document is called."""

    name: str = Field(default="document", min_length=1, max_length=200)
    """The file's name, for people; its type is known by its content."""


class OneInvoiceQuery(Input):
    """What to add to an invoice."""

    include: Literal["events"] | None = None
    """`events` adds the invoice's timeline."""
