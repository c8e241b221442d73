"""Fields read what people write, and each message names its field."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from tusker.errors import Conflict, Duplicate
from tusker.web.forms.fields import (
    ChoiceField,
    CountField,
    DayField,
    MoneyField,
    NameField,
    PercentField,
    TextField,
)
from tusker.web.forms.form import Form

pytestmark = pytest.mark.usefixtures("app")


class Sample(Form):
    name = NameField("Company name")
    note = TextField("Note", required=False, max_length=20)
    limit = MoneyField("Supplier limit")
    fee = MoneyField("Fee", required=False, allow_zero=True)
    rate = PercentField("APR")
    tenor = CountField("Tenor", minimum=1, maximum=730, suffix="days")
    start = DayField("Valid from")
    count = ChoiceField("Day count", choices=[("a", "A"), ("b", "B")])
    side = ChoiceField("Side", choices=[("s", "Supplier")], required=False)


GOOD = {
    "name": "  Kaveri  ",
    "limit": "₹1,25,000.50",
    "rate": "18.5%",
    "tenor": "90",
    "start": "2026-03-01",
    "count": "b",
    "side": "",
}


def filled(app: Flask, **changes: Any) -> Sample:
    with app.test_request_context(method="POST", data=MultiDict({**GOOD, **changes})):
        form = Sample()
        form.validate()
        return form


def test_good_input_becomes_values(app: Flask) -> None:
    form = filled(app)
    assert form.errors == {}
    assert form.name.data == "Kaveri"
    assert form.note.data is None
    assert form.limit.data == 1_25_000_50
    assert form.fee.data is None
    assert form.rate.data == Decimal("0.185")
    assert form.tenor.data == 90
    assert form.start.data == date(2026, 3, 1)
    assert form.count.data == "b"
    assert form.side.data is None


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", "", "Company name is required"),
        ("name", "   ", "Company name is required"),
        ("name", "x" * 300, "Company name may have at most 120 characters"),
        ("name", "a\x00b", "Company name must be one line"),
        ("note", "x" * 21, "Note may have at most 20 characters"),
        ("limit", "", "Supplier limit is required"),
        ("limit", "-5", "Supplier limit: The amount must not be negative"),
        ("limit", "0", "Supplier limit: The amount must be more than zero"),
        ("limit", "$5", "Supplier limit: “$5” is not an amount in ₹"),
        ("limit", "1.234", "Supplier limit: The amount may have at most 2 decimals"),
        ("limit", "many", "Supplier limit: “many” is not an amount"),
        ("limit", "1e9", "Supplier limit: “1e9” is not an amount"),
        ("limit", "9" * 40, "Supplier limit: The amount is too large"),
        ("fee", "-1", "Fee: The amount must not be negative"),
        ("rate", "", "APR is required"),
        ("rate", "abc", "APR must be a percentage"),
        ("rate", "-1", "APR must be a percentage"),
        ("rate", "1,5", "APR must be a percentage"),
        ("rate", "NaN", "APR must be a percentage"),
        ("rate", "101", "APR must be from 0% to 100%"),
        ("rate", "18.00001", "APR may have at most 4 decimals"),
        ("tenor", "0", "Tenor must be a whole number from 1 to 730"),
        ("tenor", "731", "Tenor must be a whole number from 1 to 730"),
        ("tenor", "9.5", "Tenor must be a whole number"),
        ("tenor", "٣", "Tenor must be a whole number"),
        ("tenor", "", "Tenor is required"),
        ("start", "1900-01-01", "Valid from must be a date from 2000-01-01"),
        ("start", "2100-01-02", "Valid from must be a date from"),
        ("start", "1.3.2026", "Valid from must be a date such as"),
        ("start", "2026-02-30", "Valid from must be a date such as"),
        ("start", "", "Valid from is required"),
        ("count", "c", "Day count: choose one of the list"),
        ("count", "", "Day count"),
        ("side", "x", "Side: choose one of the list"),
    ],
)
def test_bad_input_names_its_field(app: Flask, field: str, text: str, words: str) -> None:
    form = filled(app, **{field: text})
    assert list(form.errors) == [field]
    assert len(form[field].errors) == 1
    assert form[field].errors[0].startswith(words)


@pytest.mark.parametrize("missing", ["name", "limit", "rate", "tenor", "start", "count"])
def test_a_field_that_was_not_sent_is_named(app: Flask, missing: str) -> None:
    data = {name: text for name, text in GOOD.items() if name != missing}
    with app.test_request_context(method="POST", data=data):
        form = Sample()
        assert not form.validate()
        assert list(form.errors) == [missing]


def test_what_was_typed_comes_back(app: Flask) -> None:
    with app.test_request_context(method="POST", data={**GOOD, "limit": "$5", "rate": "abc"}):
        form = Sample()
        form.validate()
        assert 'value="$5"' in form.limit()
        assert 'value="abc"' in form.rate()


def test_stored_values_are_shown_as_people_write_them(app: Flask) -> None:
    with app.test_request_context():
        form = Sample(
            data={"limit": 125_050, "fee": 0, "rate": Decimal("0.185000"), "start": date(2026, 3, 1)}
        )
        assert 'value="1250.50"' in form.limit()
        assert 'value="0.00"' in form.fee()
        assert 'value="18.5"' in form.rate()
        assert 'value="2026-03-01"' in form.start()


def test_typed_errors_find_their_field(app: Flask) -> None:
    form = filled(app)
    form.take(Duplicate("A company with this name exists already.", field="name"))
    assert form.name.errors == ["Company name: A company with this name exists already."]
    form.take(Conflict("The programme limit is reached."))
    form.take(Conflict("Elsewhere.", field="not_here"))
    assert form.form_errors == ["The programme limit is reached.", "Elsewhere."]
