"""Forms and fields that blueprints share. Every message names its field in words."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from flask_wtf import FlaskForm
from wtforms import Field, IntegerField, SelectField, StringField
from wtforms.fields import DateField
from wtforms.fields.choices import Choice, SelectChoice
from wtforms.validators import Length, Optional, StopValidation
from wtforms.validators import ValidationError as FieldError

from tusker.currency import currency
from tusker.errors import InvalidInput, TuskerError
from tusker.web.filters import money_plain, percent_plain

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 1, 1)
_PERCENT = re.compile(r"([0-9]{1,6}(\.[0-9]{1,30})?) ?%?")


class Required:
    """Something other than blanks must be filled in; the message names the field."""

    field_flags: ClassVar = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        sent = field.raw_data[0] if field.raw_data else None
        if not (sent.strip() if isinstance(sent, str) else sent):
            field.errors = []
            raise StopValidation(f"{field.label.text} is required.")


def _presence(required: bool) -> list[Any]:
    return [Required()] if required else [Optional()]


class Form(FlaskForm):
    """The base of all forms: texts are stripped, messages name their field, typed errors find theirs."""

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """Run the validators; messages that do not name their field get its label in front."""
        valid: bool = super().validate(*args, **kwargs)
        for field in self:
            field.errors = [_named(field, str(error)) for error in field.errors]
        return valid

    def take(self, error: TuskerError) -> None:
        """Show a typed error at the field it is about, or above the form when it names none of this form's."""
        field = self._fields.get(error.field) if error.field else None
        if field is None:
            self.form_errors = [*self.form_errors, error.message]
        else:
            field.errors = [*field.errors, _named(field, error.message)]


class FilterForm(Form):
    """A form of search fields that is sent by GET: `FilterForm(request.args)`. It changes nothing, so no token."""

    class Meta(FlaskForm.Meta):
        csrf = False


def _named(field: Field, message: str) -> str:
    label = field.label.text
    return message if label.lower() in message.lower() else f"{label}: {message}"


class TextField(StringField):
    """One line of text, stripped, of at most `max_length` characters and free of control characters.

    An empty optional text is None.
    """

    def __init__(
        self, label: str, *, max_length: int = 120, required: bool = True, validators: Any = (), **kwargs: Any
    ) -> None:
        self.max_length = max_length
        length = Length(max=max_length, message=f"{label} may have at most {max_length} characters.")
        kwargs["render_kw"] = {"maxlength": max_length, **(kwargs.get("render_kw") or {})}
        super().__init__(label, [*_presence(required), length, *validators], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([value.strip() for value in valuelist])
        if self.data and not self.data.isprintable():
            raise ValueError(f"{self.label.text} must be one line of readable text.")
        # An empty text stays empty for a required field, so that its own message is shown.
        self.data = self.data or None


class NameField(TextField):
    """A name of a person or company."""


class EmailField(TextField):
    """A mail address; its exact check is the service's."""

    def __init__(self, label: str = "Email", **kwargs: Any) -> None:
        kwargs["render_kw"] = {"type": "email", "autocomplete": "email", **(kwargs.get("render_kw") or {})}
        super().__init__(label, max_length=254, **kwargs)


class _Typed(StringField):
    """A text that stands for a value: what was typed comes back as it was typed."""

    def show(self, data: Any) -> str:
        """The value as an input field holds it."""
        return str(data)

    def read(self, text: str) -> Any:
        """The value of a text; raises ValueError with a message for people."""
        raise NotImplementedError

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.show(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if text:
            try:
                self.data = self.read(text)
            except InvalidInput as error:
                raise ValueError(error.message) from error


class MoneyField(_Typed):
    """An amount in major units as people write it; `data` is minor units (int) or None."""

    def __init__(
        self,
        label: str,
        *,
        required: bool = True,
        allow_zero: bool = False,
        validators: Any = (),
        **kwargs: Any,
    ) -> None:
        self.allow_zero = allow_zero
        kwargs["render_kw"] = {
            "inputmode": "decimal",
            "autocomplete": "off",
            "maxlength": 40,
            **(kwargs.get("render_kw") or {}),
        }
        super().__init__(label, [*_presence(required), *validators], **kwargs)

    @property
    def symbol(self) -> str:
        """The currency's sign, shown in front of the input."""
        return currency().symbol

    def show(self, data: Any) -> str:
        return money_plain(data)

    def read(self, text: str) -> int:
        return currency().parse(text, field=self.short_name, allow_zero=self.allow_zero)


class PercentField(_Typed):
    """A percentage such as 18 or 18.5%; `data` is a fraction (Decimal, at most 6 decimals) or None."""

    suffix = "%"

    def __init__(
        self,
        label: str,
        *,
        required: bool = True,
        minimum: Decimal = Decimal(0),
        maximum: Decimal = Decimal(1),
        validators: Any = (),
        **kwargs: Any,
    ) -> None:
        self.minimum, self.maximum = minimum, maximum
        kwargs["render_kw"] = {
            "inputmode": "decimal",
            "autocomplete": "off",
            "maxlength": 40,
            **(kwargs.get("render_kw") or {}),
        }
        super().__init__(label, [*_presence(required), *validators], **kwargs)

    def show(self, data: Any) -> str:
        return percent_plain(data)

    def read(self, text: str) -> Decimal:
        label = self.label.text
        match = _PERCENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{label} must be a percentage such as 18 or 18.5.")
        fraction = Decimal(match[1]).scaleb(-2)
        if fraction != round(fraction, 6):
            raise ValueError(f"{label} may have at most 4 decimals.")
        if not self.minimum <= fraction <= self.maximum:
            low, high = percent_plain(self.minimum), percent_plain(self.maximum)
            raise ValueError(f"{label} must be from {low}% to {high}%.")
        return fraction


class CountField(IntegerField):
    """A whole number from `minimum` to `maximum`, such as a number of days."""

    def __init__(
        self,
        label: str,
        *,
        minimum: int = 0,
        maximum: int = 10**9,
        required: bool = True,
        suffix: str = "",
        validators: Any = (),
        **kwargs: Any,
    ) -> None:
        self.minimum, self.maximum, self.suffix = minimum, maximum, suffix
        kwargs["render_kw"] = {"min": minimum, "max": maximum, **(kwargs.get("render_kw") or {})}
        super().__init__(label, [*_presence(required), *validators], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        wanted = f"{self.label.text} must be a whole number from {self.minimum} to {self.maximum}."
        if not (text.isascii() and text.isdecimal() and len(text) <= 12):
            raise ValueError(wanted)
        self.data = int(text)
        if not self.minimum <= self.data <= self.maximum:
            raise ValueError(wanted)


class DayField(DateField):
    """A business date; nothing before 2000 and nothing after the first day of 2100."""

    def __init__(
        self,
        label: str,
        *,
        required: bool = True,
        minimum: date = FIRST_DAY,
        maximum: date = LAST_DAY,
        validators: Any = (),
        **kwargs: Any,
    ) -> None:
        self.minimum, self.maximum = minimum, maximum
        kwargs["render_kw"] = {
            "min": minimum.isoformat(),
            "max": maximum.isoformat(),
            **(kwargs.get("render_kw") or {}),
        }
        super().__init__(label, [*_presence(required), *validators], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        self.data = None
        if not text:
            return
        label = self.label.text
        try:
            self.data = date.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{label} must be a date such as 2026-03-31.") from None
        if not self.minimum <= self.data <= self.maximum:
            self.data = None
            raise ValueError(f"{label} must be a date from {self.minimum} to {self.maximum}.")


class ChoiceField(SelectField):
    """One of a list of `(value, label)`; with `required=False` the empty choice is None."""

    def __init__(
        self, label: str, *, choices: Any = (), required: bool = True, empty: str = "", **kwargs: Any
    ) -> None:
        self.empty = None if required and not empty else empty
        super().__init__(
            label, _presence(required), choices=_options(choices), validate_choice=False, **kwargs
        )

    @property
    def choices(self) -> Any:
        """The list to choose from; may be set to `(value, label)` pairs when the form is made."""
        return SelectField.choices.fget(self)

    @choices.setter
    def choices(self, pairs: Any) -> None:
        SelectField.choices.fset(self, _options(pairs))

    def iter_choices(self) -> Any:
        if self.empty is not None:
            yield Choice("", self.empty, self.data in (None, ""), {})
        yield from super().iter_choices()

    def process_formdata(self, valuelist: list[str]) -> None:
        text = valuelist[0] if valuelist else ""
        self.data = None
        if text == "":
            return
        try:
            self.data = self.coerce(text)
        except (TypeError, ValueError):
            raise ValueError(f"{self.label.text}: choose one of the list.") from None

    def pre_validate(self, form: Any) -> None:
        # Nothing chosen: whether that will do is for the presence validators.
        if self.data is not None and all(self.data != self.coerce(option.value) for option in self.choices):
            raise FieldError(f"{self.label.text}: choose one of the list.")


def _options(pairs: Any) -> list[SelectChoice]:
    return [pair if isinstance(pair, SelectChoice) else SelectChoice(*pair) for pair in pairs or ()]
