"""The outbox job."""

from tusker import clock
from tusker.services.context import Context
from tusker.services.record.outbox_sending import send_due
from tusker.transactions import transaction


def send_outbox() -> int:
    """Send every mail that is due, one transaction each, so that a crash repeats at most one; returns how many."""
    handled = 0
    while True:
        ctx = Context(actor_id=None, actor="job send_outbox", now=clock.now(), today=clock.today())
        with transaction():
            if not send_due(ctx, limit=1):
                return handled
        handled += 1
