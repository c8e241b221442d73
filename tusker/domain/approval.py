"""What an approval of a disbursal covers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable


def approval_digest(covered: Iterable[tuple[int, int, int | None]]) -> str:
    """SHA-256 over (invoice id, principal in minor units, bank account id) in the order of invoice ids.

    The same for what was shown, what was approved and what is released, or the approval does not hold.
    """
    return hashlib.sha256(json.dumps(sorted(covered)).encode()).hexdigest()
