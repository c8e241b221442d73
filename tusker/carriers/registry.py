"""The delivery companies of this installation, found by name."""

from __future__ import annotations

from collections.abc import Mapping

from babel.numbers import get_currency_precision
from flask import current_app

from tusker.carriers import tusker
from tusker.carriers.base import Carrier, UnknownCarrier
from tusker.carriers.http import CarrierHttp

MANUAL = "manual"
"""The carrier of invoices that no delivery company tracks: never polled, moved by people only."""

_EXTENSION = "tusker_carriers"


def carriers_from_config(config: Mapping[str, object]) -> dict[str, Carrier]:
    """Make the adapters that `config` has an address for, by name. Keep them: each holds its own breaker.

    Reads TUSKER_CARRIER_URL (absent or empty: not made), TUSKER_CARRIER_TOKEN and CURRENCY. Raises
    `ValueError` naming the variable when an address comes without a token or is none.
    """
    carriers: dict[str, Carrier] = {}
    url = str(config.get("TUSKER_CARRIER_URL") or "").strip()
    if url:
        token = str(config.get("TUSKER_CARRIER_TOKEN") or "").strip()
        if not token:
            raise ValueError("TUSKER_CARRIER_TOKEN is missing: TUSKER_CARRIER_URL is set and needs it")
        try:
            http = CarrierHttp(tusker.NAME, url, {tusker.TOKEN_HEADER: token})
        except ValueError as error:
            raise ValueError(f"TUSKER_CARRIER_URL: {error}") from error
        exponent = get_currency_precision(str(config.get("CURRENCY") or "INR"))
        carriers[tusker.NAME] = tusker.TuskerCarrier(http, exponent=exponent)
    return carriers


def get_carriers() -> Mapping[str, Carrier]:
    """The current app's delivery companies, made from its configuration at the first use."""
    extensions = current_app.extensions
    if _EXTENSION not in extensions:
        # Two threads at the first request may both make them; setdefault lets one set win.
        extensions.setdefault(_EXTENSION, carriers_from_config(current_app.config))
    carriers: Mapping[str, Carrier] = extensions[_EXTENSION]
    return carriers


def get_carrier(name: str) -> Carrier:
    """The delivery company called `name`. Raises `UnknownCarrier`, for `MANUAL` too: nobody can be asked."""
    carrier = get_carriers().get(name)
    if carrier is None:
        what = "Manual shipments are" if name == MANUAL else f"The delivery company “{name[:40]}” is"
        reason = "not tracked by a delivery company" if name == MANUAL else "not configured"
        raise UnknownCarrier(f"{what} {reason}.", field="carrier", carrier=name[:40])
    return carrier
