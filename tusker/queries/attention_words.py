"""What the items of the attention queue say, as SQL for the English that is stored; pages find the sentences among the
texts again (`catalogues.retold`)."""

import re

from tusker.messages import Text, say


def _sql(text: Text, *values: str) -> str:
    """A text in whose places SQL stands, one after the other."""
    parts = re.split(r"{\w+}", text)
    return (
        "'"
        + "".join(f"{part}' || ({value}) || '" for part, value in zip(parts, values, strict=False))
        + f"{parts[-1]}'"
    )


def _day(column: str) -> str:
    return f"to_char({column}, 'FMDD Mon YYYY')"


def _cities(text: Text, customer: str) -> str:
    """A sentence about the cities of a customer, where it has any."""
    cities = f"NULLIF(array_to_string({customer}.cities, ', '), '')"
    return f"COALESCE('; ' || {_sql(text, f'{customer}.name', cities)}, '')"


_UNKNOWN_CITY, _NO_ANSWER = _sql(say("an unknown city")), _sql(say("there was no answer"))
_DELIVERED_ON = _day("h.status_occurred_at AT TIME ZONE :zone")
_OTHER = "o.number", "o.id", "s.name", "p.name"

WHILE_PAYING = _sql(
    say("The delivery company reported the shipment as {status} while the bank is paying {reference}"),
    *("h.status", "d.reference"),
)
BOOKED_AFTER_ALL = _sql(
    say("The bank booked {reference} on {day}, which had been marked as rejected"),
    *("p.reference", _day("min(e.value_date)")),
)
CAME_BACK = _sql(say("The goods came back after the payout; a claim on the supplier waits for a decision"))
ANOTHER_VALUE = _sql(say("The delivery company was given another value than the invoice has"))
NUMBER_ALIKE = _sql(
    say("Looks like “{number}” (#{id}), which is {status}"),
    *("o.number", "o.id", "replace(o.status, '_', ' ')"),
)
SAME_NUMBER = _sql(
    say("Amount and number are those of “{number}” (#{id}) of {supplier} to {purchaser}"), *_OTHER
)
SAME_DATE = _sql(say("Amount and date are those of “{number}” (#{id}) of {supplier} to {purchaser}"), *_OTHER)
NOTES_ALIKE = _sql(
    say("Look alike and have one amount: {numbers}"),
    f"string_agg(DISTINCT {_sql(say('“{first}” and “{second}”'), 'o.number', 'n.number')}, ', ')",
)
BEFORE_INVOICE = _sql(
    say("Delivered on {day}, and the invoice is of {invoice_day}"), _DELIVERED_ON, _day("i.invoice_date")
)
BEFORE_REQUEST = _sql(
    say("Delivered on {day}, and financing was requested on {asked}"),
    *(_DELIVERED_ON, _day("i.requested_at AT TIME ZONE :zone")),
)
OTHER_CITIES = " || ".join(
    (
        _sql(
            say("The parcel goes from {city} to {destination}"),
            *(f"COALESCE(h.{end}_city, {_UNKNOWN_CITY})" for end in ("from", "to")),
        ),
        _cities(say("{company} sends goods from {cities}"), "s"),
        _cities(say("{company} receives goods in {cities}"), "p"),
    )
)
CHECKS_FAILED = _sql(
    say("{failures} checks in a row failed: {error}"), "failures", f"COALESCE(last_error, {_NO_ANSWER})"
)
NOT_TRACKED = _sql(
    say("Tracking is switched off or not set up, or its key cannot be read (shipments: {count})"),
    "count(*)",
)
NOT_DONE = _sql(say("Not done so far (attempts: {attempts}): {error}"), "attempts", "last_error")
NOT_DONE_YET = _sql(say("Not done yet"))
SAID = _sql(say("The delivery company reported the status “{words}”"), "h.raw_status")
UNANSWERED = _sql(
    say("{failures} checks without an answer: {error}"),
    *("h.poll_failures", f"COALESCE(h.last_error, {_NO_ANSWER})"),
)
STALLED = _sql(
    say("Has been {status} since {day}"),
    "replace(h.status, '_', ' ')",
    _day("COALESCE(h.status_changed_at, i.requested_at) AT TIME ZONE 'UTC'"),
)
