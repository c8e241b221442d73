"""Forms that blueprints share: what they do with errors. Every message names its field."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from flask import request
from flask_wtf import FlaskForm
from wtforms.fields.core import Field

from tusker.errors import InvalidInput, NotFound, TuskerError
from tusker.messages import joined, say
from tusker.transactions import transaction
from tusker.web.forms.fields import ReasonField, SearchField


class Form(FlaskForm):
    """The base of all forms: texts are stripped, messages name their field, typed errors find theirs."""

    saved = False
    """Whether what it asks for was done, in `saving`."""

    def validate(self, *args: Any, **kwargs: Any) -> bool:
        """Run the validators; messages that do not name their field get its label in front."""
        valid: bool = super().validate(*args, **kwargs)
        for field in self:
            field.errors = [_named(field, error) for error in field.errors]
        return valid

    def take(self, error: TuskerError) -> None:
        """Show a typed error at its field, or above the form when it names no field of it."""
        field = self._fields.get(error.field) if error.field else None
        if field is None:
            self.form_errors = [*self.form_errors, error.message]
        else:
            field.errors = [*field.errors, _named(field, error.message)]

    @property
    def problems(self) -> str:
        """All that is wrong with its fields, in one line."""
        return joined((error for field in self for error in field.errors), " ")

    def checked(self) -> Self:
        """The form as it was sent, where no page shows it again; raises `InvalidInput` with what is wrong with it."""
        if not self.validate_on_submit():
            raise InvalidInput(self.problems, field=next((f.short_name for f in self if f.errors), None))
        return self

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Do what the form asks for in one transaction; a typed error undoes it and is shown in the form."""
        try:
            with transaction():
                yield
        except NotFound:
            raise
        except TuskerError as error:
            self.take(error)
        else:
            self.saved = True


class ReasonForm(Form):
    """The reason for something that needs nothing else."""

    reason = ReasonField()


class FilterForm(Form):
    """A form of search fields that is sent by GET: `FilterForm(request.args)`. It changes nothing, so no token."""

    class Meta(FlaskForm.Meta):
        csrf = False

    def asked(self) -> dict[str, Any]:
        """What was filled in by the names that queries take, `q` as `search`; nothing where something is wrong."""
        if not self.validate():
            return {}
        return {"search" if f.short_name == "q" else f.short_name: f.data for f in self if f.data}


class SearchFilter(FilterForm):
    """Which rows are shown, by their number or company."""

    q = SearchField(say("Number or company"))


def _named(field: Field, message: str) -> str:
    label = field.label.text
    named = label.removeprefix("Your ").lower() in message.lower()
    return message if named else say("{label}: {message}", label=label, message=message)


def sent_reason() -> str:
    """The reason that a form without fields of its own sends; the service judges it."""
    return request.form.get("reason", "")


def sent_seen() -> list[str]:
    """What the form carried of what its page showed, for `tusker.services.seen`."""
    return request.form.getlist("seen")
