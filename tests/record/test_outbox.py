"""Mails leave the outbox once, keep trying, and reach a real SMTP server."""

from __future__ import annotations

import email
import re
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tusker import mailer
from tusker.extensions import db
from tusker.jobs.outbox import send_outbox
from tusker.mailer import FolderMailer, SmtpMailer, build_mailer
from tusker.models import OutboxMessage
from tusker.services.context import Context
from tusker.services.outbox import queue_mail
from tusker.services.record.outbox_sending import MAX_ATTEMPTS, send_due
from tusker.transactions import transaction

ROOT = Path(__file__).parents[2]

CONTEXTS: dict[str, dict[str, Any]] = {
    "credit/new_supplier": {"name": "Kaveri & Söhne", "customer_id": 7, "limit": "₹1,00,000.00"},
    "payout/disbursal_ready": {"reference": "D-1", "disbursal_id": 3, "invoices": 1, "total": "₹500.00"},
    "credit/request_refused": {
        "number": "ORD-1",
        "purchaser": "Northwind",
        "principal": "₹800.00",
        "limits": "the credit line limit by ₹100.00",
    },
    "payout/payout": {
        "reference": "D-1",
        "bank_reference": "UTR9",
        "invoices": [
            {"number": "ORD-1", "principal": "₹800.00"},
            {"number": "ORD-2", "principal": "₹200.00"},
        ],
        "total": "₹1,000.00",
    },
}


class Failing:
    """A mailer whose server is away."""

    def __init__(self) -> None:
        self.tries = 0

    def send(self, message: EmailMessage) -> None:
        self.tries += 1
        raise smtplib.SMTPServerDisconnected("the server went away")


@pytest.fixture
def folder(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Mails of this test go to a folder of its own."""
    monkeypatch.setitem(app.extensions, "tusker_mailer", FolderMailer(tmp_path / "mail"))
    return tmp_path / "mail"


def read(folder: Path) -> list[EmailMessage]:
    return [
        email.message_from_bytes(f.read_bytes(), policy=policy.default) for f in sorted(folder.glob("*.eml"))
    ]


def queue(
    ctx: Context, template: str = "credit/new_supplier", to: tuple[str, ...] = ("a@example.com",)
) -> None:
    with transaction():
        queue_mail(ctx, template, to, **CONTEXTS[template])


@pytest.mark.parametrize("template", CONTEXTS)
def test_every_template_becomes_a_mail(folder: Path, ctx: Context, template: str) -> None:
    queue(ctx, template)
    with transaction():
        assert send_due(ctx, 10) == 1
    (mail,) = read(folder)
    assert mail["To"] == "a@example.com"
    assert mail["Subject"]
    assert "Subject:" not in mail["Subject"] + mail.get_content()
    assert mail["Message-ID"].startswith("<outbox-")
    text = f"{mail['Subject']}\n{mail.get_content()}"
    for value in CONTEXTS[template].values():
        for shown in [v for row in value for v in row.values()] if isinstance(value, list) else [value]:
            assert str(shown) in text
    row = db.session.query(OutboxMessage).one()
    assert (row.sent_at, row.attempts, row.last_error) == (ctx.now, 1, None)


def test_every_template_is_queued_by_a_service_and_every_mail_has_one() -> None:
    mails = ROOT / "templates" / "mail"
    templates = {str(path.relative_to(mails).with_suffix("")) for path in mails.rglob("*.txt")}
    rooms = "|".join(folder.name for folder in mails.iterdir())
    named = {
        name
        for path in (ROOT / "tusker" / "services").rglob("*.py")
        for name in re.findall(rf'"((?:{rooms})/\w+)"', path.read_text())
    }
    assert named == templates


def test_a_sent_mail_is_not_sent_again(folder: Path, ctx: Context) -> None:
    queue(ctx, to=("a@example.com", "b@example.com"))
    assert send_outbox() == 2
    assert send_outbox() == 0
    assert sorted(mail["To"] for mail in read(folder)) == ["a@example.com", "b@example.com"]


def test_mails_of_the_future_wait(folder: Path, ctx: Context) -> None:
    queue(replace(ctx, now=ctx.now + timedelta(minutes=5)))
    with transaction():
        assert send_due(ctx, 10) == 0
        assert send_due(replace(ctx, now=ctx.now + timedelta(minutes=5)), 10) == 1


def test_failures_wait_longer_and_longer_and_end(
    app: Flask, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing()
    monkeypatch.setitem(app.extensions, "tusker_mailer", failing)
    queue(ctx)
    now, pauses = ctx.now, []
    for _ in range(MAX_ATTEMPTS):
        with transaction():
            assert send_due(replace(ctx, now=now), 10) == 1
            assert send_due(replace(ctx, now=now), 10) == 0  # not before its time
        row = db.session.query(OutboxMessage).one()
        pauses.append(row.send_after - now)
        now = row.send_after
    assert pauses[: MAX_ATTEMPTS - 1] == [timedelta(minutes=2**n) for n in range(MAX_ATTEMPTS - 1)]
    assert row.given_up_at is not None
    assert row.sent_at is None
    assert row.last_error == "SMTPServerDisconnected: the server went away"
    with transaction():
        assert send_due(replace(ctx, now=now + timedelta(days=9)), 10) == 0
    assert failing.tries == MAX_ATTEMPTS


def test_one_broken_mail_does_not_hold_up_the_others(folder: Path, ctx: Context) -> None:
    with transaction():
        queue_mail(ctx, "no_such_template", ["a@example.com"])
        queue_mail(ctx, "payout/disbursal_ready", ["a@example.com"], invoices="no number")
    queue(ctx, to=("b@example.com",))
    assert send_outbox() == 3
    assert [mail["To"] for mail in read(folder)] == ["b@example.com"]
    for template, mistake in (
        ("no_such_template", "TemplateNotFound"),
        ("payout/disbursal_ready", "InvalidOperation"),
    ):
        broken = db.session.query(OutboxMessage).filter_by(template=template).one()
        assert broken.sent_at is None
        assert mistake in broken.last_error


def test_rows_of_another_worker_are_passed_over(app: Flask, folder: Path, ctx: Context) -> None:
    queue(ctx, to=("a@example.com", "b@example.com"))
    locked, release = threading.Event(), threading.Event()

    def other_worker() -> None:
        with app.app_context(), transaction():
            assert send_due(ctx, 1) == 1
            locked.set()
            release.wait(10)

    thread = threading.Thread(target=other_worker)
    thread.start()
    assert locked.wait(10)
    with transaction():
        assert send_due(ctx, 10) == 1
    release.set()
    thread.join()
    assert sorted(mail["To"] for mail in read(folder)) == ["a@example.com", "b@example.com"]


class _Smtp(socketserver.StreamRequestHandler):
    """Just enough of an SMTP server to take one mail, without STARTTLS."""

    def handle(self) -> None:
        received: list[bytes] = self.server.received  # type: ignore[attr-defined]
        self.wfile.write(b"220 test\r\n")
        in_data = False
        for line in self.rfile:
            received.append(line)
            if in_data:
                in_data = line != b".\r\n"
                if not in_data:
                    self.wfile.write(b"250 taken\r\n")
                continue
            in_data = line.upper().startswith(b"DATA")
            if line.upper().startswith(b"QUIT"):
                return  # hangs up without a goodbye: the mail was taken all the same
            self.wfile.write(b"354 go\r\n" if in_data else b"250 ok\r\n")


@pytest.fixture
def smtp() -> Iterator[socketserver.ThreadingTCPServer]:
    """A real SMTP server on a free port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Smtp) as server:
        server.daemon_threads = True
        server.received = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_mail_reaches_an_smtp_server(
    app: Flask, ctx: Context, smtp: socketserver.ThreadingTCPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SmtpMailer("127.0.0.1", smtp.server_address[1], starttls=False)
    monkeypatch.setitem(app.extensions, "tusker_mailer", plain)
    queue(ctx)
    assert send_outbox() == 1
    assert db.session.query(OutboxMessage).one().last_error is None
    received = b"".join(smtp.received)  # type: ignore[attr-defined]
    assert b"rcpt to:<a@example.com>" in received.lower()
    assert b"New supplier" in received


def test_without_encryption_nothing_is_sent_when_it_is_asked_for(
    smtp: socketserver.ThreadingTCPServer,
) -> None:
    message = EmailMessage()
    message["To"], message["From"] = "a@example.com", "b@example.com"
    with pytest.raises(smtplib.SMTPNotSupportedError, match="STARTTLS"):
        SmtpMailer("127.0.0.1", smtp.server_address[1]).send(message)
    received = b"".join(smtp.received)  # type: ignore[attr-defined]
    assert b"DATA" not in received.upper()
    assert b"MAIL FROM" not in received.upper()


def test_the_configuration_chooses(app: Flask, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = {**app.config, "SMTP_HOST": "mail.example.com", "SMTP_PORT": 2525}
    chosen = build_mailer(settings)
    assert isinstance(chosen, SmtpMailer)
    assert (chosen.host, chosen.port, chosen.starttls) == ("mail.example.com", 2525, True)
    other = Flask("other")
    other.config.update({**app.config, "SMTP_HOST": "", "MAIL_FOLDER": str(tmp_path)})
    with caplog.at_level("DEBUG", logger="tusker.mailer"):
        mailer.init_app(other)
    assert str(tmp_path) in caplog.text


@pytest.mark.parametrize("template", CONTEXTS)
def test_links_in_mails_lead_to_pages(app: Flask, folder: Path, ctx: Context, template: str) -> None:
    queue(ctx, template)
    send_outbox()
    (mail,) = read(folder)
    links = re.findall(re.escape(app.config["BASE_URL"]) + r"(\S*)", mail.get_content())
    assert links
    for link in links:
        endpoint, _ = app.url_map.bind("localhost").match(link, "GET")
        assert endpoint in app.view_functions
