"""The delivery companies of this installation, found by name."""

import importlib
import logging
import pkgutil
import threading
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from flask import current_app
from sqlalchemy import select

from tusker import carriers as package
from tusker.carriers.base import Carrier, UnknownCarrier
from tusker.carriers.http import CALL_SECONDS, check_base_url
from tusker.carriers.settings import CarrierSettings, CarrierSpec
from tusker.domain.currencies import decimals_of
from tusker.extensions import db
from tusker.messages import say
from tusker.models import CarrierSetting
from tusker.secrets.box import Unreadable, unseal

log = logging.getLogger(__name__)

MANUAL = "manual"
"""The carrier of invoices that no delivery company tracks: never polled, changed by people only."""

SETTINGS_SECONDS = 5.0
"""How long a process keeps the settings that it read from the database."""

_EXTENSION = "tusker_carriers"


@cache
def specs() -> Mapping[str, CarrierSpec]:
    """Every delivery company that Tusker has an adapter for: the modules of `carriers` that hold a `SPEC`.

    The one without a public address of its own (the pilot's) comes first.
    """
    modules = [
        importlib.import_module(f"{package.__name__}.{found.name}")
        for found in pkgutil.iter_modules(package.__path__)
    ]
    found_specs = [spec for m in modules if isinstance(spec := getattr(m, "SPEC", None), CarrierSpec)]
    return {spec.name: spec for spec in sorted(found_specs, key=lambda s: (s.default_url != "", s.name))}


def settings_from_config(config: Mapping[str, object]) -> dict[str, CarrierSettings]:
    """The settings from the environment for each delivery company that it sets up, by name.

    One with an address of its own is set up by its key, the pilot's by its address. Raises `ValueError` naming the
    variable when an address comes without a key or is none.
    """
    exponent = decimals_of(str(config.get("CURRENCY") or "INR"))
    settings = {}
    for name, spec in specs().items():
        url = str(config.get(spec.url_variable) or "").strip() or spec.default_url
        key = str(config.get(spec.key_variable) or "").strip()
        if not url or (spec.default_url and not key):
            continue
        if not key:
            raise ValueError(f"{spec.key_variable} is missing: {spec.url_variable} is set and needs it")
        try:
            check_base_url(name, url)
        except ValueError as error:
            raise ValueError(f"{spec.url_variable}: {error}") from error
        secret = str(config.get(spec.webhook_secret_variable) or "").strip()
        settings[name] = CarrierSettings(url, key, secret, exponent, call_seconds=_call_seconds(config))
    return settings


def carriers_from_settings(settings: Mapping[str, CarrierSettings]) -> dict[str, Carrier]:
    """Make the adapters, by name."""
    return {name: specs()[name].carrier(settings[name]) for name in specs() if name in settings}


def open_settings(row: Any, config: Mapping[str, object]) -> CarrierSettings | None:
    """A row of `carrier_settings` with its secrets opened; None when it has no key. Raises `Unreadable`."""
    if row.api_key_encrypted is None:
        return None
    keys = str(config["CARRIER_KEYS_SECRET"])
    sealed = row.webhook_secret_encrypted
    return CarrierSettings(
        base_url=row.base_url,
        api_key=unseal(keys, row.api_key_encrypted),
        webhook_secret=unseal(keys, sealed) if sealed is not None else "",
        exponent=decimals_of(str(config.get("CURRENCY") or "INR")),
        public_only=config.get("ENVIRONMENT") == "PRODUCTION",
        call_seconds=_call_seconds(config),
    )


def _call_seconds(config: Mapping[str, Any]) -> float:
    """How long a question may take in this process: for a person less than for a job."""
    return float(config.get("CARRIER_SECONDS", CALL_SECONDS))


def _settings_from_page(row: Any, config: Mapping[str, object]) -> CarrierSettings | None:
    """The settings from the page for a delivery company; None when it is off there, or its key cannot be opened."""
    try:
        return open_settings(row, config) if row.enabled and row.carrier in specs() else None
    except Unreadable:
        log.error("carrier %s: its key cannot be opened; enter it again on the page", row.carrier)
        return None


class Adapters:
    """One process's delivery companies, rebuilt when their settings change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: tuple[Any, ...] = ()
        self._read_at: float | None = None
        self._page: dict[str, CarrierSettings | None] = {}
        self.settings: dict[str, CarrierSettings] = {}
        self.carriers: dict[str, Carrier] = {}

    def refresh(self, config: Mapping[str, object]) -> None:
        with self._lock:
            now = time.monotonic()
            if self._read_at is None or now - self._read_at >= SETTINGS_SECONDS:
                self._take(_stored_rows(), config)
                self._read_at = now
            said = {**settings_from_config(config), **self._page}
            settings = {name: given for name, given in said.items() if given is not None}
            if settings != self.settings:
                self.carriers, self.settings = carriers_from_settings(settings), settings

    def forget(self) -> None:
        self._read_at = None

    def _take(self, rows: tuple[Any, ...], config: Mapping[str, object]) -> None:
        if rows != self._rows:
            self._rows = rows
            self._page = {row.carrier: _settings_from_page(row, config) for row in rows}


def _stored_rows() -> tuple[Any, ...]:
    """The page's settings, over a separate connection: the caller may have no transaction open, and this opens none
    for it."""
    if "sqlalchemy" not in current_app.extensions:
        return ()
    with db.engine.connect() as connection:
        return tuple(connection.execute(select(CarrierSetting.__table__).order_by(CarrierSetting.carrier)))


def _adapters() -> Adapters | Mapping[str, Carrier]:
    adapters: Adapters | Mapping[str, Carrier] = current_app.extensions.setdefault(_EXTENSION, Adapters())
    if isinstance(adapters, Adapters):
        adapters.refresh(current_app.config)
    return adapters


def get_carriers() -> Mapping[str, Carrier]:
    """The current app's delivery companies, from the environment and the admin page.

    A change on the page is noticed within `SETTINGS_SECONDS` in every process.
    """
    adapters = _adapters()
    return adapters.carriers if isinstance(adapters, Adapters) else adapters


def get_carrier(name: str) -> Carrier:
    """The delivery company called `name`. Raises `UnknownCarrier`, also for `MANUAL`, which cannot be asked."""
    carrier = get_carriers().get(name)
    if carrier is None:
        why = (
            say("Manual shipments are not tracked by a delivery company.")
            if name == MANUAL
            else say("The delivery company “{carrier}” is not configured.", carrier=carrier_label(name)[:40])
        )
        raise UnknownCarrier(why, field="carrier", carrier=name[:40])
    return carrier


def get_webhook_secret(name: str) -> str:
    """The secret of a delivery company's webhooks; empty when none is set: then none is accepted."""
    get_carrier(name)
    adapters = _adapters()
    known = adapters.settings if isinstance(adapters, Adapters) else settings_from_config(current_app.config)
    return known[name].webhook_secret if name in known else ""


def carrier_label(name: str) -> str:
    """The name that people read of a delivery company, also of one that is no longer configured."""
    return specs()[name].label if name in specs() else name


def reload_carriers() -> None:
    """Read the page's settings again at the next question; for the process that has just changed them."""
    adapters = current_app.extensions.get(_EXTENSION)
    if isinstance(adapters, Adapters):
        adapters.forget()
