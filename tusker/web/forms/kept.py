"""Forms that came too late, kept so that nothing typed is lost: they travel, signed, through the sign-in page."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from tusker.secrets.keys import serializer
from tusker.web.urls import local_url

LONGEST = 200_000
"""Characters of a form that are kept at most."""
SECONDS = 12 * 3600
_SECRETS = ("password", "secret", "token", "api_key")


@dataclass(frozen=True)
class KeptForm:
    """A form as it was sent: where to, from which page, what was typed, and the fields that could not be kept (files
    and secrets). `user_id` is whose session it was, None when that is not known any more."""

    path: str
    page: str | None
    fields: list[tuple[str, str]]
    left_out: list[str]
    user_id: int | None


def page_of_form() -> str | None:
    """The page of ours that sent this request, None when the browser does not tell or it came from elsewhere."""
    parts = urlsplit(request.referrer or "")
    here = request.host_url.rstrip("/")
    if parts.netloc != request.host or request.headers.get("Origin", here) != here:
        return None
    # an address of ours may begin like one of another site: //elsewhere.example
    return local_url(f"{parts.path}?{parts.query}" if parts.query else parts.path, "") or None


def form_of_request(user_id: int | None) -> KeptForm | None:
    """What this request was to send, when one of our own pages sent it: another site's form is never kept."""
    page = page_of_form()
    if request.method != "POST" or page is None or request.is_json:
        return None
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    secret = {name for name, _ in typed if any(word in name.lower() for word in _SECRETS)}
    fields = [(name, value) for name, value in typed if name not in secret]
    files = {name for name, file in request.files.items() if file.filename}
    if not fields or sum(len(name) + len(value) for name, value in fields) > LONGEST:
        return None
    return KeptForm(request.full_path.rstrip("?"), page, fields, sorted(secret | files), user_id)


def seal(form: KeptForm) -> str:
    """The form as one signed text for a hidden field."""
    return str(_serializer().dumps(vars(form)))


def unseal(text: str) -> KeptForm | None:
    """The form of a sealed text; None when it is not ours or too old."""
    try:
        return KeptForm(**_serializer().loads(text, max_age=SECONDS))
    except BadData:
        return None


def _serializer() -> URLSafeTimedSerializer:
    return serializer(current_app.config["SIGNING_KEYS"], "kept form")
