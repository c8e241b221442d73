"""How a delivery company is set up here, and what its adapter declares (`SPEC` in its file)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tusker.carriers.base import Carrier
from tusker.carriers.http import CALL_SECONDS, CarrierHttp, HttpLimits


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """One delivery company's address and secrets, from the environment or from the page.

    Secrets never show in a `repr`, which ends in logs. `exponent` is the number of decimals of the currency.
    `public_only` keeps calls out of private networks, whatever the address resolves to. `call_seconds` is what one
    question may take with all its tries.
    """

    base_url: str
    api_key: str = field(repr=False)
    webhook_secret: str = field(default="", repr=False)
    exponent: int = 2
    public_only: bool = False
    call_seconds: float = CALL_SECONDS


@dataclass(frozen=True, slots=True)
class CarrierSpec:
    """What an adapter's file declares: its names, its variables, and how it is made.

    `default_url` is empty for a company that has no address of its own; then one must be set.
    """

    name: str
    label: str
    default_url: str
    url_variable: str
    key_variable: str
    webhook_secret_variable: str
    headers: Callable[[str], Mapping[str, str]]
    make: Callable[[CarrierHttp, CarrierSettings], Carrier]

    def carrier(self, settings: CarrierSettings) -> Carrier:
        """Make the adapter, with a client of its own. Raises `ValueError` for a bad address."""
        http = CarrierHttp(
            self.name,
            settings.base_url,
            self.headers(settings.api_key),
            limits=HttpLimits(call_seconds=settings.call_seconds),
            public_only=settings.public_only,
            label=self.label,
        )
        return self.make(http, settings)
