"""Fields of forms: each reads what a person typed into the value that services take, or says what is wrong with it."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from flask_wtf.file import FileField
from markupsafe import escape
from werkzeug.datastructures import FileStorage
from wtforms.fields.choices import Choice, SelectFieldBase  # type: ignore[attr-defined]  # its types are 3.2's
from wtforms.fields.core import Field, Label
from wtforms.form import BaseForm
from wtforms.validators import Length, Optional, StopValidation, ValidationError
from wtforms.widgets import DateInput, Input, NumberInput, PasswordInput, Select, TextInput

from tusker.currency import currency
from tusker.domain.texts import day_of, latin_digits, one_line
from tusker.errors import InvalidInput
from tusker.messages import say
from tusker.services.reasons import LONGEST_REASON, reason_of
from tusker.web.filters import money_plain, percent_plain

FIRST_DAY = date(2000, 1, 1)
LAST_DAY = date(2100, 1, 1)
_PERCENT = re.compile(r"([0-9]{1,6}(\.[0-9]{1,30})?) ?%?")
_DECIMAL = {"inputmode": "decimal", "autocomplete": "off", "maxlength": 40}

T = TypeVar("T")


class Required:
    """More than blanks must be filled in; the message names the field."""

    field_flags: ClassVar = {"required": True}

    def __call__(self, form: Any, field: Field) -> None:
        sent = field.raw_data[0] if field.raw_data else None
        if not (sent.strip() if isinstance(sent, str) else sent):
            field.errors = []
            raise StopValidation(say("{label} is required.", label=field.label.text))


def at_most(label: str, length: int) -> str:
    """What is said of a text that is too long."""
    return say("{label} may have at most {length} characters.", label=label, length=length)


class Filled(Generic[T]):
    """A field's value: `data` is None where nothing was filled in or it cannot be read."""

    data: T | None
    label: Label

    @property
    def filled(self) -> T:
        """The value of a field that a valid form requires; raises LookupError where there is none."""
        if self.data is None:
            raise LookupError(f"{self.label.text} is empty.")
        return self.data


class ValueField(Filled[T], Field):
    """A field for one value. What was typed comes back as it was typed.

    `hints` are attributes of the input that `render_kw` may add to.
    """

    widget: Input = TextInput()
    latin_digits = True
    """Whether digits of any script are read as 0 to 9; in free text they stay as they were written."""

    def __init__(
        self,
        label: str,
        *,
        required: bool = True,
        validators: Sequence[Any] = (),
        hints: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["render_kw"] = {**(hints or {}), **(kwargs.get("render_kw") or {})}
        super().__init__(label, [Required() if required else Optional(), *validators], **kwargs)

    def read(self, text: str) -> T:
        """The value of a text without blanks around it; raises ValueError or `InvalidInput` with its message."""
        raise NotImplementedError

    def show(self, value: T) -> str:
        return str(value)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.show(self.data)

    def process_formdata(self, valuelist: list[Any]) -> None:
        text = valuelist[0].strip() if valuelist else ""
        if self.latin_digits:
            text = latin_digits(text)
        self.data = None
        if text:
            try:
                self.data = self.read(text)
            except InvalidInput as error:
                raise ValueError(error.message) from error


class TextField(ValueField[str]):
    """One line of text, stripped, of at most `max_length` characters and free of control characters."""

    def __init__(self, label: str, *, max_length: int = 120, **kwargs: Any) -> None:
        length = Length(max=max_length, message=at_most(label, max_length))
        hints = {"maxlength": max_length, **kwargs.pop("hints", {})}
        super().__init__(label, validators=[length], hints=hints, **kwargs)

    def read(self, text: str) -> str:
        text = one_line(text)
        if not text.isprintable():
            raise ValueError(say("{label} must be one line of readable text.", label=self.label.text))
        return text


class SearchField(TextField):
    """Words that a list is searched for."""

    def __init__(self, placeholder: str, **kwargs: Any) -> None:
        super().__init__(say("Search"), required=False, hints={"placeholder": placeholder}, **kwargs)


class ReasonField(ValueField[str]):
    """Why somebody does something, judged as every service judges it."""

    latin_digits = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(say("Reason"), hints={"maxlength": LONGEST_REASON}, **kwargs)

    def read(self, text: str) -> str:
        return reason_of(text)


class NameField(TextField):
    """A name of a person or company."""

    latin_digits = False


class EmailField(TextField):
    """A mail address; the service checks it."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, max_length=254, hints={"type": "email", "autocomplete": "email"}, **kwargs)


class PasswordField(ValueField[str]):
    """A secret, read exactly as it was typed and never shown again."""

    widget = PasswordInput()

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = valuelist[0] if valuelist and valuelist[0] else None


class MoneyField(ValueField[int]):
    """An amount in major units as people write it; `data` is minor units."""

    def __init__(self, label: str, *, allow_zero: bool = False, **kwargs: Any) -> None:
        self.allow_zero = allow_zero
        super().__init__(label, hints=_DECIMAL, **kwargs)

    @property
    def symbol(self) -> str:
        return currency().symbol

    def show(self, value: int) -> str:
        return money_plain(value)

    def read(self, text: str) -> int:
        return currency().parse(text, field=self.short_name, allow_zero=self.allow_zero)


class PercentField(ValueField[Decimal]):
    """A percentage such as 18 or 18.5%; `data` is a fraction with at most 6 decimals."""

    suffix = "%"

    def __init__(
        self, label: str, *, minimum: Decimal = Decimal(0), maximum: Decimal = Decimal(1), **kwargs: Any
    ) -> None:
        self.minimum, self.maximum = minimum, maximum
        super().__init__(label, hints=_DECIMAL, **kwargs)

    def show(self, value: Decimal) -> str:
        return percent_plain(value)

    def read(self, text: str) -> Decimal:
        label = self.label.text
        match = _PERCENT.fullmatch(text)
        if match is None:
            raise ValueError(say("{label} must be a percentage such as 18 or 18.5.", label=label))
        fraction = Decimal(match[1]).scaleb(-2)
        if fraction != round(fraction, 6):
            raise ValueError(say("{label} may have at most 4 decimals.", label=label))
        if not self.minimum <= fraction <= self.maximum:
            low, high = percent_plain(self.minimum), percent_plain(self.maximum)
            raise ValueError(say("{label} must be from {low}% to {high}%.", label=label, low=low, high=high))
        return fraction


class CountField(ValueField[int]):
    """A whole number from `minimum` to `maximum`, such as a number of days."""

    widget = NumberInput()

    def __init__(
        self, label: str, *, minimum: int = 0, maximum: int = 10**9, suffix: str = "", **kwargs: Any
    ) -> None:
        self.minimum, self.maximum, self.suffix = minimum, maximum, suffix
        super().__init__(label, hints={"min": minimum, "max": maximum}, **kwargs)

    def read(self, text: str) -> int:
        label, low, high = self.label.text, self.minimum, self.maximum
        if not (text.isascii() and text.isdecimal() and len(text) <= 12 and low <= int(text) <= high):
            raise ValueError(
                say("{label} must be a whole number from {low} to {high}.", label=label, low=low, high=high)
            )
        return int(text)


class DayField(ValueField[date]):
    """A business date; nothing before 2000 and nothing after the first day of 2100."""

    widget = DateInput()

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, hints={"min": FIRST_DAY.isoformat(), "max": LAST_DAY.isoformat()}, **kwargs)

    def read(self, text: str) -> date:
        label = self.label.text
        try:
            day = day_of(text)
        except ValueError:
            raise ValueError(say("{label} must be a date such as 2026-03-31.", label=label)) from None
        if not FIRST_DAY <= day <= LAST_DAY:
            first, last = FIRST_DAY.isoformat(), LAST_DAY.isoformat()
            raise ValueError(
                say("{label} must be a date from {first} to {last}.", label=label, first=first, last=last)
            )
        return day


class _Select(Select):
    """Writes an option in a tenth of the time: a list may have all companies."""

    @classmethod
    def render_option(cls, choice: Choice, **_: object) -> str:  # type: ignore[override]  # its types are 3.2's
        chosen = " selected" if choice.selected else ""
        return f'<option{chosen} value="{escape(choice.value)}">{escape(choice.label)}</option>'


class _ChoiceField(Filled[T], SelectFieldBase):
    """One of a list of `(value, label)`; nothing chosen is None. `choices` may be set when the form is made."""

    widget = _Select()
    coerce: Callable[[Any], T]

    def __init__(
        self,
        label: str,
        *,
        choices: Iterable[tuple[T, str]] = (),
        required: bool = True,
        empty: str = "",
        **kwargs: Any,
    ) -> None:
        self.empty = None if required and not empty else empty
        self.choices = list(choices)
        super().__init__(label, [Required() if required else Optional()], **kwargs)

    def iter_choices(self) -> Iterator[Choice]:
        if self.empty is not None:
            yield Choice("", self.empty, self.data is None, {})
        for value, label in self.choices:
            yield Choice(value, label, value == self.data, {})

    def process_data(self, value: Any) -> None:
        self.data = None if value in (None, "") else self.coerce(value)

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = None
        try:
            self.process_data(valuelist[0] if valuelist else None)
        except ValueError:
            raise self._not_listed() from None

    def pre_validate(self, form: BaseForm) -> None:
        # Nothing chosen, or left out by the form: whether the field is required is for its validators.
        if self.data is not None and all(self.data != value for value, _ in self.choices):
            self.data = None  # whoever reads on in a form that is not valid finds nothing made up
            raise self._not_listed()

    def _not_listed(self) -> ValidationError:
        return ValidationError(say("{label}: choose one of the list.", label=self.label.text))


class ChoiceField(_ChoiceField[str]):
    """A choice among texts."""

    coerce = str


class IdField(_ChoiceField[int]):
    """A choice among rows by their ids."""

    coerce = int


AnyOf = partial(ChoiceField, required=False, empty=say("All"))
AnyId = partial(IdField, required=False, empty=say("All"))
"""What a list may be narrowed to."""


class UploadField(Filled[FileStorage], FileField):
    """A file that is sent with the form."""
