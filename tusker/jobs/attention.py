"""Funding control over time: conditions that changed, items that need a person, and the mails about both."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from tusker.errors import TuskerError
from tusker.jobs import job_context
from tusker.messages import say
from tusker.queries.delivery.conditions import unsettled_ids
from tusker.services.attention import mail_new_items, review_items, rules_at
from tusker.services.context import Context
from tusker.services.delivery.conditions import allowed
from tusker.services.payout.funding.control import settle, watch_for_returns
from tusker.services.payout.funding.purchaser_answers import ask_for_confirmation
from tusker.services.payout.held import review_held
from tusker.transactions import transaction

log = logging.getLogger(__name__)

BATCH = 500
"""The most invoices settled in one run; the next run goes on."""


def watch() -> None:
    """Cron, and after reports: apply conditions, open and close items, ask purchasers, mail. Safe to repeat."""
    ctx = job_context("attention")
    settled = settle_all(ctx)
    with transaction():
        watch_for_returns(ctx)
    with transaction():
        review_items(ctx, rules_at(ctx))
        review_held(ctx)
        told = mail_new_items(ctx)
    with transaction():
        asked = ask_for_confirmation(ctx)
    if settled or told or asked:
        log.info("attention: %d invoices settled, %d new items, %d purchasers asked", settled, told, asked)


def settle_all(ctx: Context) -> int:
    """Give invoices the status that follows from their conditions, one transaction each; returns how many."""
    with transaction():
        ids = unsettled_ids(allowed(), limit=BATCH)
    done = 0
    for invoice_id in ids:
        try:
            with transaction():
                settle(ctx, invoice_id, reason=say("its last condition is met"))
        except TuskerError as error:
            # Somebody changed it meanwhile; the next run looks again.
            log.warning("invoice %s could not be settled: %s", invoice_id, error.message)
        except SQLAlchemyError:
            # One row must not keep the others, or the rest of this job, from being handled.
            log.exception("invoice %s could not be settled", invoice_id)
        else:
            done += 1
    return done
