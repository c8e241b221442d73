"""What can be proposed: every `Action` of the rooms, by its kind."""

from __future__ import annotations

from typing import Any

from tusker.services.credit import credit_lines, customers, holds, risk_rules
from tusker.services.payout import held
from tusker.services.proposals import Action

_ALL: tuple[Action[..., Any], ...] = (
    customers.create_customer,
    customers.edit_customer,
    credit_lines.open_credit_line,
    credit_lines.change_credit_line,
    credit_lines.set_line_status,
    holds.lift_hold,
    holds.set_validity,
    held.release_hold,
    risk_rules.change_rule,
    risk_rules.end_rule,
    risk_rules.set_group,
)
ACTIONS = {action.kind: action for action in _ALL}
TITLES = {action.kind: action.title for action in _ALL}
