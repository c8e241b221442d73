"""The waiting list: requests whose amount became free are admitted, those that waited for too long leave it."""

import logging

from sqlalchemy.exc import SQLAlchemyError

from tusker.carriers.base import CarrierError
from tusker.errors import TermsChanged, TuskerError
from tusker.jobs import job_context
from tusker.queries.credit.waiting import waiting_rows
from tusker.services.context import Context
from tusker.services.credit.requesting.subject import fetch_subject
from tusker.services.credit.waiting import admit_waiting as admit_one
from tusker.services.credit.waiting import drop_waiting, expire_waiting, subject_waiting
from tusker.transactions import transaction

MAY_PASS = frozenset({"line_closed", "on_hold", "not_placed", "risk_rule"})
"""Problems for which a request goes on waiting; any other rules it out for good."""
log = logging.getLogger(__name__)


def admit_waiting() -> int:
    """Cron, and after whatever frees an amount: admit what fits, in the order of asking; returns how many.

    Safe to repeat, and for several workers at once.
    """
    ctx = job_context("waiting list")
    with transaction():
        expired = expire_waiting(ctx)
    admitted, tried = 0, set[int]()
    while fitting := _fitting(ctx, tried):
        for waiting_id in fitting:
            tried.add(waiting_id)
            admitted += _admit(ctx, waiting_id)
    if admitted or expired:
        log.info("waiting list: %d admitted, %d expired", admitted, expired)
    return admitted


def _fitting(ctx: Context, tried: set[int]) -> list[int]:
    """Those that fit now and were not tried in this run; one that leaves the list may let others fit."""
    with transaction():
        return [row.id for row in waiting_rows(ctx.today) if row.fits and row.id not in tried]


def _admit(ctx: Context, waiting_id: int) -> bool:
    try:
        with transaction():
            subject = subject_waiting(waiting_id)
        asked = None if subject is None else (subject, fetch_subject(ctx, subject))
        with transaction():
            return admit_one(ctx, waiting_id, asked)
    except (CarrierError, TermsChanged) as error:
        log.info("waiting request %d is tried again later: %s", waiting_id, error.message)
    except TuskerError as error:
        if error.details.get("problem") in MAY_PASS:
            log.info("waiting request %d goes on waiting: %s", waiting_id, error.message)
        else:
            with transaction():
                drop_waiting(ctx, waiting_id, reason=error.message)
    except SQLAlchemyError:
        # One row must not keep the others from being admitted.
        log.exception("waiting request %d could not be admitted", waiting_id)
    return False
