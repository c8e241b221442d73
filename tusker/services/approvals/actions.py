"""What can be proposed: every `Action` of the rooms, by its kind."""

from typing import Any

from tusker.services.couriers import settings as couriers
from tusker.services.credit.customers import companies as customers
from tusker.services.credit.customers import holds, identities
from tusker.services.credit.customers import lines as credit_lines
from tusker.services.credit.risk import rules as risk_rules
from tusker.services.delivery import tracking
from tusker.services.loans import write_off
from tusker.services.loans.receipts import recording as receipts
from tusker.services.loans.relief import granting as relief
from tusker.services.payout import bank_accounts, held
from tusker.services.payout.funding import control as funding_control
from tusker.services.payout.funding import correction, purchaser_answers, verification
from tusker.services.people import tokens, users
from tusker.services.proposals import Action

_ALL: tuple[Action[..., Any], ...] = (
    customers.create_customer,
    customers.edit_customer,
    credit_lines.open_credit_line,
    credit_lines.change_credit_line,
    credit_lines.set_line_status,
    correction.correct_value,
    verification.mark_valid,
    users.create_user,
    users.reactivate_user,
    tokens.add_token,
    tokens.take_over_token,
    write_off.write_off,
    relief.waive,
    relief.extend,
    receipts.refund_credit,
    tracking.report_delivery,
    purchaser_answers.overrule_dispute,
    funding_control.accept_value,
    funding_control.accept_delivery,
    funding_control.accept_way,
    funding_control.tell_apart,
    bank_accounts.use_account,
    holds.lift_hold,
    holds.set_validity,
    held.release_hold,
    risk_rules.change_rule,
    risk_rules.end_rule,
    risk_rules.set_group,
    identities.set_cities,
    couriers.save_carrier_settings,
    couriers.forget_carrier_settings,
)
ACTIONS = {action.kind: action for action in _ALL}
ON_REFUSAL = {"use_account": bank_accounts.tell_not_used}
"""What has to be done when one of a kind is refused or withdrawn."""
TITLES = {action.kind: action.title for action in _ALL}
