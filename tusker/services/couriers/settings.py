"""Setting up delivery companies on the admin page: a saved row wins over the environment."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from urllib.parse import urlsplit

from flask import current_app

from tusker.carriers.address import check_address
from tusker.carriers.registry import settings_from_config, specs
from tusker.carriers.settings import CarrierSettings, CarrierSpec
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierSetting
from tusker.secrets.box import seal
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_rows
from tusker.services.proposals import needs_second

LONGEST_SECRET = 500
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class CarrierInput:
    """What an admin entered. An empty address is the vendor's own; an empty secret leaves the stored one."""

    enabled: bool
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    drop_webhook_secret: bool = False


def in_production() -> bool:
    """Whether addresses are held to what production asks of them."""
    return bool(current_app.config["ENVIRONMENT"] == "PRODUCTION")


def carrier_spec(name: str) -> CarrierSpec:
    """The adapter called `name`. Raises `NotFound`."""
    spec = specs().get(name)
    if spec is None:
        raise NotFound("Tusker does not support “{name}”.", name=name[:40])
    return spec


def sealed(given: CarrierInput, keys: str) -> CarrierInput:
    """What an admin entered with its secrets sealed with `keys`, as text; raises `InvalidInput` naming the field."""
    return replace(
        given,
        api_key=_sealed(given.api_key, "api_key", keys),
        webhook_secret=_sealed(given.webhook_secret, "webhook_secret", keys),
    )


def _sealed(text: str, field_name: str, keys: str) -> str:
    return b64encode(seal(keys, _secret(text, field_name))).decode() if text else ""


@needs_second(
    say("Change the setup of a delivery company"), always=False, fresh={"production": in_production}
)
def save_carrier_settings(
    ctx: Context, name: str, given: CarrierInput, *, production: bool
) -> CarrierSetting:
    """Store a delivery company's settings, its secrets `sealed`; the event tells what changed, no secrets.

    Who is asked, and whose word counts, decides what is delivered: turning it on, and another address or secret, also
    while it is off, needs another admin. A stored key is not sent to another host: with a new one it has to be entered
    again. Raises `InvalidInput` naming the field, `NotFound` for an unknown carrier.
    """
    spec = carrier_spec(name)
    address = _address(spec, given, production)
    row = _locked(name)
    if row is None:
        said = _of_environment(name)
        row = CarrierSetting(
            carrier=name, enabled=said is not None, base_url=said.base_url if said else spec.default_url
        )
    _check_key(row, given, address)
    before, parts = ON if row.enabled else OFF, _parts(row)
    row.enabled, row.base_url = given.enabled, address
    if given.api_key:
        row.api_key_encrypted = b64decode(given.api_key)
    if given.webhook_secret:
        row.webhook_secret_encrypted = b64decode(given.webhook_secret)
    elif given.drop_webhook_secret:
        row.webhook_secret_encrypted = None
    row.updated_at, row.updated_by = ctx.now, ctx.actor_id
    db.session.add(row)
    db.session.flush()
    turned_on, pairs = row.enabled and before == OFF, _pairs(parts, _parts(row))
    new = [what for what, (was, now) in pairs.items() if was != now]
    record_event(
        ctx,
        ("carrier", row.id),
        "carrier_settings",
        from_value=before,
        to_value=ON if row.enabled else OFF,
        reason=f"{spec.label}: {', '.join(_in_words(new))}" if new else spec.label,
        carrier=name,
        address=address,
        name=spec.label,
        # Who accepts that it is turned on sees what would be asked, and accepts no other.
        changed={what: pair for what, pair in pairs.items() if turned_on or what in new},
        asks_second=turned_on or bool(new),
    )
    return row


@needs_second(say("Remove the setup of a delivery company"), always=False)
def forget_carrier_settings(ctx: Context, name: str) -> None:
    """Delete the stored settings of a delivery company; those of the environment apply again.

    Where there are such, that takes another admin. Raises `NotFound` when the page holds nothing.
    """
    spec = carrier_spec(name)
    row = _locked(name)
    if row is None:
        raise NotFound("Nothing is stored here about {spec_label}.", spec_label=spec.label)
    said = _of_environment(name)
    record_event(
        ctx,
        ("carrier", row.id),
        "carrier_settings_forgotten",
        from_value=ON if row.enabled else OFF,
        to_value=ON if said else OFF,
        reason=spec.label,
        carrier=name,
        address=row.base_url,
        name=spec.label,
        changed=_pairs(_parts(row), {"address": said.base_url} if said else {}),
        asks_second=said is not None,
    )
    db.session.delete(row)
    db.session.flush()


def _of_environment(name: str) -> CarrierSettings | None:
    return settings_from_config(current_app.config).get(name)


def _parts(row: CarrierSetting) -> dict[str, str | None]:
    """What is asked with which secrets: of these a mark, which another secret does not have."""
    return {
        "address": row.base_url or None,
        "key_mark": _mark(row.api_key_encrypted),
        "webhook_secret_mark": _mark(row.webhook_secret_encrypted),
    }


def _mark(stored: bytes | None) -> str | None:
    return sha256(stored).hexdigest()[:12] if stored is not None else None


def _pairs(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> dict[str, tuple[str | None, str | None]]:
    pairs = {what: (was, after.get(what)) for what, was in before.items()}
    return {what: pair for what, pair in pairs.items() if any(pair)}


def _locked(name: str) -> CarrierSetting | None:
    found = lock_rows(CarrierSetting, CarrierSetting.carrier == name)
    return found[0] if found else None


def _address(spec: CarrierSpec, given: CarrierInput, production: bool) -> str:
    address = given.base_url or spec.default_url
    if address:
        return check_address(address, production=production)
    if given.enabled:
        raise InvalidInput(
            "The address is required: this delivery company has none of its own.", field="base_url"
        )
    return ""


def _check_key(row: CarrierSetting, given: CarrierInput, address: str) -> None:
    if given.api_key:
        return
    if row.api_key_encrypted is None:
        if given.enabled:
            raise InvalidInput("The key is required.", field="api_key")
    elif _host(row.base_url) != _host(address):
        raise InvalidInput("Enter the key again: it is not sent to another host unasked.", field="api_key")


def _host(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def _in_words(new: Iterable[str]) -> list[str]:
    words = {
        "address": say("new address"),
        "key_mark": say("new key"),
        "webhook_secret_mark": say("new webhook secret"),
    }
    return [words[what] for what in new]


def _secret(text: str, field_name: str) -> str:
    """A key as it goes into a header: one printable line of ASCII for a key, any printable line for a secret."""
    fits = text.isprintable() and len(text) <= LONGEST_SECRET
    if not fits or (field_name == "api_key" and not text.isascii()):
        what = say("key") if field_name == "api_key" else say("webhook secret")
        raise InvalidInput(
            "The {what} must be one line of at most {longest_secret} characters.",
            what=what,
            longest_secret=LONGEST_SECRET,
            field=field_name,
        )
    return text
