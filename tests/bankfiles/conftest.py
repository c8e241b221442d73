"""An order for the bank and samples of its statements."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.payment_orders import GERMAN, INDIAN, ISO20022, order_of
from tusker.domain.bank.banking import CreditTransfer, PaymentOrder


@pytest.fixture
def order() -> PaymentOrder:
    """An order to an IBAN and to an Indian account."""
    return order_of(
        CreditTransfer("PAY-7-1", GERMAN, 1_250_050, "INV-1, INV-2"),
        CreditTransfer("PAY-7-2", INDIAN, 99, "चालान 7"),
    )


@pytest.fixture
def sample() -> Callable[[str], bytes]:
    """A sample statement of the fixtures, byte for byte."""
    return lambda name: (ISO20022 / name).read_bytes()
