"""Setting up delivery companies on the admin page: a saved row wins over the environment."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from flask import current_app

from tusker.carriers.address import check_address
from tusker.carriers.registry import specs
from tusker.carriers.settings import CarrierSpec
from tusker.errors import InvalidInput, NotFound
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierSetting
from tusker.secrets_box import seal
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
    spec = specs().get(name)
    if spec is None:
        raise NotFound(say("Tusker does not support “{name}”.", name=name[:40]))
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

    Who is asked, and whose word counts, decides what is delivered: turning it on, and another address or secret of one
    that is on, needs another admin. A stored key is not sent to another host: with a new one it has to be entered
    again. Raises `InvalidInput` naming the field, `NotFound` for an unknown carrier.
    """
    spec = carrier_spec(name)
    address = _address(spec, given, production)
    row = _locked(name)
    if row is None:
        row = CarrierSetting(carrier=name, enabled=False, base_url="")
        db.session.add(row)
    _check_key(row, given, address)
    before, changed = ON if row.enabled else OFF, _changes(row, given, address)
    asks_second = given.enabled and (bool(changed) or before == OFF)
    addresses = {} if row.base_url == address else {"address": (row.base_url or None, address)}
    row.enabled, row.base_url = given.enabled, address
    if given.api_key:
        row.api_key_encrypted = b64decode(given.api_key)
    if given.webhook_secret:
        row.webhook_secret_encrypted = b64decode(given.webhook_secret)
    elif given.drop_webhook_secret:
        row.webhook_secret_encrypted = None
    row.updated_at, row.updated_by = ctx.now, ctx.actor_id
    db.session.flush()
    record_event(
        ctx,
        "carrier",
        row.id,
        "carrier_settings",
        from_value=before,
        to_value=ON if row.enabled else OFF,
        reason=f"{spec.label}: {', '.join(changed)}" if changed else spec.label,
        carrier=name,
        address=address,
        name=spec.label,
        changed=addresses,
        asks_second=asks_second,
    )
    return row


def forget_carrier_settings(ctx: Context, name: str) -> None:
    """Delete the stored settings of a delivery company; those of the environment apply again.

    Raises `NotFound` when the page holds nothing.
    """
    spec = carrier_spec(name)
    row = _locked(name)
    if row is None:
        raise NotFound(say("Nothing is stored here about {spec_label}.", spec_label=spec.label))
    record_event(
        ctx,
        "carrier",
        row.id,
        "carrier_settings_forgotten",
        from_value=ON if row.enabled else OFF,
        reason=spec.label,
        carrier=name,
        address=row.base_url,
    )
    db.session.delete(row)
    db.session.flush()


def _locked(name: str) -> CarrierSetting | None:
    found = lock_rows(CarrierSetting, CarrierSetting.carrier == name)
    return found[0] if found else None


def _address(spec: CarrierSpec, given: CarrierInput, production: bool) -> str:
    address = given.base_url or spec.default_url
    if address:
        return check_address(address, production=production)
    if given.enabled:
        raise InvalidInput(
            say("The address is required: this carrier has none of its own."), field="base_url"
        )
    return ""


def _check_key(row: CarrierSetting, given: CarrierInput, address: str) -> None:
    if given.api_key:
        return
    if row.api_key_encrypted is None:
        if given.enabled:
            raise InvalidInput(say("The key is required."), field="api_key")
    elif _host(row.base_url) != _host(address):
        raise InvalidInput(
            say("Enter the key again: it is not sent to another host unasked."), field="api_key"
        )


def _host(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port


def _changes(row: CarrierSetting, given: CarrierInput, address: str) -> list[str]:
    changes = {
        say("new address"): row.base_url != address,
        say("new key"): bool(given.api_key),
        say("new webhook secret"): bool(given.webhook_secret)
        or (given.drop_webhook_secret and row.webhook_secret_encrypted is not None),
    }
    return [name for name, is_new in changes.items() if is_new]


def _secret(text: str, field_name: str) -> str:
    """A key as it goes into a header: one printable line of ASCII for a key, any printable line for a secret."""
    fits = text.isprintable() and len(text) <= LONGEST_SECRET
    if not fits or (field_name == "api_key" and not text.isascii()):
        what = say("key") if field_name == "api_key" else say("webhook secret")
        raise InvalidInput(
            say(
                "The {what} must be one line of at most {longest_secret} characters.",
                what=what,
                longest_secret=LONGEST_SECRET,
            ),
            field=field_name,
        )
    return text
