"""The sign-in and password forms. `tusker.services.people.users` decides whether a password is good enough."""

from typing import Any

from wtforms.validators import EqualTo, Length

from tusker.messages import say
from tusker.services.people.passwords import PASSWORD_LONGEST
from tusker.web.forms.fields import EmailField, PasswordField, TextField, at_most
from tusker.web.forms.form import Form

_NEW_HELP = say("At least 12 characters; a sentence is easier to keep than a riddle.")


def _password(label: str, autocomplete: str, *validators: Any, description: str = "") -> PasswordField:
    longest = Length(max=PASSWORD_LONGEST, message=at_most(label, PASSWORD_LONGEST))
    return PasswordField(
        label,
        validators=[longest, *validators],
        description=description,
        render_kw={"autocomplete": autocomplete},
    )


def _passkey() -> TextField:
    """What a browser sends of a passkey, as JSON; a script fills it in, and it is never shown again."""
    return TextField(say("Passkey"), required=False, max_length=20_000)


class LoginForm(Form):
    email = EmailField(say("Email"), render_kw={"autocomplete": "username", "autofocus": True})
    password = _password(say("Password"), "current-password")


class ForgotForm(Form):
    email = EmailField(say("Email"), render_kw={"autofocus": True})


class ResetForm(Form):
    """A new password, twice."""

    new_password = _password(say("New password"), "new-password", description=_NEW_HELP)
    again = _password(
        say("New password again"),
        "new-password",
        EqualTo("new_password", message=say("New password again: the two are not the same.")),
    )


class PasswordForm(ResetForm):
    """Changing the password with the current one."""

    current_password = _password(say("Current password"), "current-password")


class KnownForm(Form):
    """The password once more, of somebody who is signed in."""

    password = _password(say("Password"), "current-password")


class FactorForm(Form):
    """A code of an app, a recovery code, or what a passkey answers."""

    code = TextField(
        say("Code"),
        max_length=20,
        required=False,
        hints={"autocomplete": "one-time-code", "inputmode": "text", "autofocus": True},
        description=say("The six digits from your app, or one of your recovery codes."),
    )
    passkey = _passkey()


class AppForm(Form):
    """The first code of an authenticator app that is being added."""

    name = TextField(say("Name"), max_length=60, default=say("Authenticator app"), required=True)
    code = TextField(
        say("Code"),
        max_length=10,
        required=True,
        hints={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )


class PasskeyForm(Form):
    """A passkey that a browser made."""

    name = TextField(say("Name"), max_length=60, default=say("Passkey"), required=True)
    answer = _passkey()
