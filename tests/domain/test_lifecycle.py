"""Every status × event pair, as the design's table has it."""

from __future__ import annotations

import itertools

import pytest

from tusker.domain.credit.lifecycle import FINAL, InvoiceEvent, InvoiceStatus, next_status
from tusker.errors import IllegalTransition

LEGAL = {
    ("approved", "delivered"): "financeable",
    ("approved", "cancelled"): "cancelled",
    ("financeable", "held"): "approved",
    ("financeable", "cancelled"): "cancelled",
    ("financeable", "bundled"): "bundled",
    ("bundled", "unbundled"): "financeable",
    ("bundled", "released"): "disbursed",
    ("disbursed", "repaid"): "repaid",
    ("disbursed", "written_off"): "written_off",
    ("repaid", "reopened"): "disbursed",
    ("written_off", "write_off_undone"): "disbursed",
    ("disbursed", "payout_undone"): "financeable",
}


@pytest.mark.parametrize(("status", "event"), list(itertools.product(InvoiceStatus, InvoiceEvent)))
def test_every_pair(status: InvoiceStatus, event: InvoiceEvent) -> None:
    expected = LEGAL.get((str(status), str(event)))
    if expected is None:
        with pytest.raises(IllegalTransition) as refused:
            next_status(status, event)
        assert str(status).replace("_", " ") in refused.value.message
    else:
        assert next_status(status, event) == expected


def test_nothing_follows_a_final_status() -> None:
    assert {str(status) for status in FINAL} == {"rejected", "repaid", "written_off", "cancelled"}
