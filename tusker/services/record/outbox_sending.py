"""Sending what the outbox holds. At least once: a worker that dies between sending and committing sends again, under
the same Message-ID, by which mail programs drop the second."""

import logging
import smtplib
from datetime import timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

from flask import current_app
from jinja2 import TemplateError
from sqlalchemy import select

from tusker import mailer
from tusker.catalogues import retold, speaking
from tusker.extensions import db
from tusker.messages import shown
from tusker.models import OutboxMessage, User
from tusker.services.context import Context
from tusker.services.people.passwords import RESET_MAIL, RESET_SECONDS, reset_url_for

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(minutes=1)


def send_due(ctx: Context, limit: int) -> int:
    """Send up to `limit` mails that are due; returns how many rows were dealt with, failures included.

    Rows another worker holds are passed over. A failure is tried again after 1, 2, 4 … minutes and given up after
    `MAX_ATTEMPTS`, with the last error on the row.
    """
    rows = db.session.scalars(
        select(OutboxMessage)
        .where(
            OutboxMessage.sent_at.is_(None),
            OutboxMessage.given_up_at.is_(None),
            OutboxMessage.send_after <= ctx.now,
        )
        .order_by(OutboxMessage.send_after, OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _send(ctx, row)
    db.session.flush()
    return len(rows)


def _send(ctx: Context, row: OutboxMessage) -> None:
    row.attempts += 1
    try:
        message = compose(ctx, row)
        if message is not None:
            mailer.send(message)
    except (smtplib.SMTPException, OSError) as error:
        _postpone(ctx, row, error)
    except (TemplateError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        # A mistake of ours: must not hold up the other mails.
        log.exception("mail %s (%s) cannot be composed", row.id, row.template)
        _postpone(ctx, row, error)
    else:
        row.sent_at = ctx.now
        row.last_error = None
        log.info(
            "mail %s (%s) %s", row.id, row.template, "sent" if message is not None else "had no addressee"
        )


def _postpone(ctx: Context, row: OutboxMessage, error: Exception) -> None:
    row.last_error = f"{type(error).__name__}: {error}"[:500]
    if row.attempts >= MAX_ATTEMPTS:
        row.given_up_at = ctx.now
        log.error(
            "mail %s (%s) is given up after %s attempts: %s",
            row.id,
            row.template,
            row.attempts,
            row.last_error,
        )
    else:
        row.send_after = ctx.now + FIRST_PAUSE * 2 ** (row.attempts - 1)
        log.warning(
            "mail %s (%s) failed and waits until %s: %s", row.id, row.template, row.send_after, row.last_error
        )


def compose(ctx: Context, row: OutboxMessage) -> EmailMessage | None:
    """The mail of a row from `templates/mail/<template>.txt`, whose first line is its subject.

    It is in the recipient's language. None for a password reset that nobody is to get: no such user, or asked for too
    long ago.
    """
    language = db.session.scalar(select(User.language).where(User.email == row.recipient))
    with speaking(language):
        return _composed(ctx, row)


def _composed(ctx: Context, row: OutboxMessage) -> EmailMessage | None:
    context = _as_said(row.context)
    if row.template == RESET_MAIL:
        found = reset_url_for(row.recipient)
        if found is None or ctx.now - row.created_at > timedelta(seconds=RESET_SECONDS):
            return None
        context["name"], context["url"] = found
    config = current_app.config
    text = current_app.jinja_env.get_template(f"mail/{row.template}.txt").render(
        context, lender_name=config["LENDER_NAME"], base_url=config["BASE_URL"], recipient=row.recipient
    )
    subject, _, body = text.partition("\n")
    domain = parseaddr(config["MAIL_FROM"])[1].rpartition("@")[2] or "localhost"
    message = EmailMessage()
    message["From"] = config["MAIL_FROM"]
    message["To"] = row.recipient
    message["Subject"] = subject.removeprefix("Subject:").strip()
    message["Date"] = format_datetime(ctx.now)
    message["Message-ID"] = f"<outbox-{row.id}-{int(row.created_at.timestamp())}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body.strip() + "\n")
    return message


def _as_said(value: Any) -> Any:
    """The texts in what a mail is made of, stored sentences too, in the language that is spoken."""
    if isinstance(value, dict):
        return {name: _as_said(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_said(one) for one in value]
    return shown(retold(value)) if isinstance(value, str) else value
