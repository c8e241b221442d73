"""The sign-in and password forms. `tusker.services.people.users` decides whether a password is good enough."""

from __future__ import annotations

from typing import Any

from wtforms.validators import EqualTo, Length

from tusker.services.people.passwords import PASSWORD_LONGEST
from tusker.web.fields import EmailField, PasskeyField, PasswordField, TextField
from tusker.web.forms import Form

_NEW_HELP = "At least 12 characters; a sentence is easier to keep than a riddle."


def _password(label: str, autocomplete: str, *validators: Any, description: str = "") -> PasswordField:
    longest = Length(max=PASSWORD_LONGEST, message=f"{label} may have at most {PASSWORD_LONGEST} characters.")
    return PasswordField(
        label,
        validators=[longest, *validators],
        description=description,
        render_kw={"autocomplete": autocomplete},
    )


class LoginForm(Form):
    """Signing in."""

    email = EmailField("Email", render_kw={"autocomplete": "username", "autofocus": True})
    password = _password("Password", "current-password")


class ForgotForm(Form):
    """Asking for a link to choose a password."""

    email = EmailField("Email", render_kw={"autofocus": True})


class ResetForm(Form):
    """A new password, twice."""

    new_password = _password("New password", "new-password", description=_NEW_HELP)
    again = _password(
        "New password again",
        "new-password",
        EqualTo("new_password", message="New password again: the two are not the same."),
    )


class PasswordForm(ResetForm):
    """Changing the password with the current one."""

    current_password = _password("Current password", "current-password")


class KnownForm(Form):
    """The password once more, of somebody who is signed in."""

    password = _password("Password", "current-password")


class FactorForm(Form):
    """A code of an app, a recovery code, or what a passkey answers."""

    code = TextField(
        "Code",
        max_length=20,
        required=False,
        hints={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True},
        description="The six digits from your app, or one of your recovery codes.",
    )
    passkey = PasskeyField()


class AppForm(Form):
    """The first code of an authenticator app that is being added."""

    name = TextField("Name", max_length=60, default="Authenticator app", required=True)
    code = TextField(
        "Code", max_length=10, required=True, hints={"autocomplete": "one-time-code", "inputmode": "numeric"}
    )


class PasskeyForm(Form):
    """A passkey that a browser made."""

    name = TextField("Name", max_length=60, default="Passkey", required=True)
    answer = PasskeyField()
