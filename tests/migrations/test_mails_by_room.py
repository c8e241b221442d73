"""Mails that wait when their templates move into rooms are still found."""

from __future__ import annotations

from pathlib import Path

from tests.support.schema import Schema

MAILS = Path(__file__).parents[2] / "templates" / "mail"
NEWER = {
    "relief",
    "proposed",
    "email_changed",
    "value_corrected",
    "waiting_admitted",
    "waiting_asked_again",
    "waiting_ended",
    "document_invalid",
    "guessed",
    "monthly_statement",
    "second_factor",
    "token_expires",
}
"""Templates that were made in their room."""


def test_mails_that_wait_follow_their_templates(schema: Schema) -> None:
    every = [path.relative_to(MAILS).with_suffix("") for path in sorted(MAILS.glob("*/*.txt"))]
    templates = [template for template in every if template.name not in NEWER]
    schema.upgrade("0015")
    schema.run(
        *(
            "INSERT INTO outbox (template, recipient, context, created_at, send_after)"
            f" VALUES ('{template.name}', 'a@example.com', '{{}}', now(), now())"
            for template in templates
        ),
        "INSERT INTO outbox (template, recipient, context, created_at, send_after, sent_at)"
        " VALUES ('payout', 'b@example.com', '{}', now(), now(), now())",
    )
    before = schema.rows("SELECT recipient, template FROM outbox ORDER BY id")
    schema.upgrade("0016")
    assert schema.rows("SELECT template FROM outbox WHERE sent_at IS NULL ORDER BY id") == [
        (str(template),) for template in templates
    ]
    assert schema.rows("SELECT template FROM outbox WHERE sent_at IS NOT NULL") == [("payout",)]
    schema.downgrade("0015")
    assert schema.rows("SELECT recipient, template FROM outbox ORDER BY id") == before
