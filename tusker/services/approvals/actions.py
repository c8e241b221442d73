"""What can be proposed: every `Action` of the rooms, by its kind."""

from __future__ import annotations

from typing import Any

from tusker.services.credit import credit_lines, customers
from tusker.services.payout import correction, verification
from tusker.services.proposals import Action

_ALL: tuple[Action[..., Any], ...] = (
    customers.create_customer,
    customers.edit_customer,
    credit_lines.open_credit_line,
    credit_lines.change_credit_line,
    credit_lines.set_line_status,
    correction.correct_value,
    verification.mark_valid,
)
ACTIONS = {action.kind: action for action in _ALL}
TITLES = {action.kind: action.title for action in _ALL}
