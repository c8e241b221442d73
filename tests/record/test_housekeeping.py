"""What is kept for a while only."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.values import at
from tusker.extensions import db
from tusker.models import Customer, IdempotencyKey, OutboxMessage, WebhookDelivery
from tusker.services.context import Context
from tusker.services.record.housekeeping import Kept, forget_old_guards
from tusker.transactions import transaction


def test_old_guards_go_and_what_is_still_to_do_stays(
    ctx: Context, make_supplier: Callable[..., Customer]
) -> None:
    customer_id = make_supplier().id
    with transaction() as session:
        for days in (0, 91):
            then = at(ctx, -days).now
            session.add(
                IdempotencyKey(
                    customer_id=customer_id,
                    key=f"{days} days ago",
                    request_hash="x",
                    status_code=201,
                    response={},
                    created_at=then,
                )
            )
            for done in (True, False):
                session.add(
                    WebhookDelivery(
                        carrier="tusker",
                        digest=bytes([days, done] * 16),
                        raw=b"{}",
                        received_at=then,
                        processed_at=then if done else None,
                    )
                )
    with transaction():
        assert forget_old_guards(ctx) == 2
    assert [row.key for row in db.session.query(IdempotencyKey)] == ["0 days ago"]
    left = [
        (row.received_at == ctx.now, row.processed_at is None) for row in db.session.query(WebhookDelivery)
    ]
    assert sorted(left) == [(False, True), (True, False), (True, True)]


@pytest.mark.usefixtures("app")
def test_each_is_kept_for_the_days_that_are_set_and_mails_that_wait_for_ever(ctx: Context) -> None:
    with transaction() as session:
        for days in (0, 20, 40):
            for sent in (True, False):
                then = at(ctx, -days).now
                session.add(
                    OutboxMessage(
                        template="x",
                        recipient="a@example.com",
                        context={},
                        created_at=then,
                        send_after=then,
                        sent_at=then if sent else None,
                    )
                )
    with transaction():
        assert forget_old_guards(ctx, Kept(mails=30)) == 1
    with transaction():
        assert forget_old_guards(ctx, Kept(mails=10)) == 1
    assert db.session.query(OutboxMessage).filter(OutboxMessage.sent_at.is_(None)).count() == 3
