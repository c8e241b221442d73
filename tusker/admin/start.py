"""The checklist of a new installation, on the dashboard until all of it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, url_for
from sqlalchemy import Row

from tusker.messages import say
from tusker.queries.delivery.carriers import carrier_cards
from tusker.queries.people.users import set_up


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to set up: whether it is done, why it is needed, and where it is done (nowhere on a page if empty)."""

    title: str
    done: bool
    hint: str
    url: str = ""


def checklist() -> list[Step]:
    """All steps in their order; none of them once all are done."""
    steps = [*_of_installation(current_app.config), *_of_people(set_up())]
    return [] if all(step.done for step in steps) else steps


def _of_installation(config: Mapping[str, Any]) -> list[Step]:
    account = bool(config["LENDER_IBAN"] or config["LENDER_ACCOUNT_NUMBER"])
    return [
        Step(
            say("Company data"),
            account,
            say("Set LENDER_NAME and the lender's own bank account in the environment."),
        ),
        Step(
            say("Mail"),
            bool(config["SMTP_HOST"]) or config["ENVIRONMENT"] != "PRODUCTION",
            say("Set SMTP_HOST and MAIL_FROM in the environment; links to set a password go by mail."),
        ),
        Step(
            say("Delivery company"),
            any(card.enabled and card.readable for card in carrier_cards(config)),
            say("Enter the key of a delivery company, so that deliveries are tracked."),
            url_for("admin.carriers"),
        ),
    ]


def _of_people(found: Row[*tuple[Any, ...]]) -> list[Step]:
    return [
        Step(
            say("First customers"),
            found.customers,
            say("Create a supplier and a purchaser."),
            url_for("customers.new"),
        ),
        Step(say("Limits"), found.limits, say("Give both a limit above zero."), url_for("customers.index")),
        Step(
            say("Credit line"),
            found.line,
            say("Open a credit line between the two, with its limit and terms."),
            url_for("customers.new_line"),
        ),
        Step(
            say("Bank details"),
            found.bank_details,
            say("Enter the account that the supplier is paid to, on the supplier's page."),
            url_for("customers.index", side="supplier"),
        ),
        Step(
            say("Second admin"),
            found.admins > 1,
            say("One prepares, another approves: invite a colleague."),
            url_for("admin.new_user"),
        ),
        Step(
            say("Second factor"),
            found.factors,
            say("Every admin adds an authenticator app or a passkey."),
            url_for("auth.new_factor"),
        ),
    ]
