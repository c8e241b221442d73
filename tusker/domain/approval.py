"""What an approval of a disbursal covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

Covered = Iterable[tuple[int, int, int | None]]
"""What is paid, each as (id, minor units, bank account id)."""


def approval_digest(invoices: Covered, payables: Covered = ()) -> str:
    """SHA-256 over invoices with their principal and payables with their amount, each with the account it is paid to,
    in the order of their ids.

    The same for what was shown, what was approved and what is released, or the approval does not hold.
    """
    covered: list[object] = list(sorted(invoices))
    if passed_on := sorted(payables):
        covered.append(passed_on)
    return hashlib.sha256(json.dumps(covered).encode()).hexdigest()
