"""The way out for mails: an SMTP server, or a folder when none is configured."""

import contextlib
import logging
import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from flask import Flask, current_app

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 15
_EXTENSION = "tusker_mailer"


class Mailer(Protocol):
    """Takes one complete message; raises `OSError` or `smtplib.SMTPException` when it cannot be handed over."""

    def send(self, message: EmailMessage) -> None: ...


class SmtpMailer:
    """Hands each message to an SMTP server over a connection of its own; with STARTTLS it is encrypted or not sent."""

    def __init__(
        self, host: str, port: int, *, user: str = "", password: str = "", starttls: bool = True
    ) -> None:
        self.host, self.port, self.user, self.password, self.starttls = host, port, user, password, starttls

    def send(self, message: EmailMessage) -> None:
        server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            if self.starttls:
                server.starttls(context=ssl.create_default_context())
            if self.user:
                server.login(self.user, self.password)
            server.send_message(message)
            # Taken is taken: a server that stumbles over the goodbye must not get the mail again.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()


class FolderMailer:
    """Writes each message to a file of its own, for development and tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: EmailMessage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        # Appears whole or not at all, so that whoever watches the folder never reads half a mail.
        name = f"{uuid4().hex}.eml"
        unfinished = self.folder / f".{name}"
        unfinished.write_bytes(message.as_bytes())
        unfinished.rename(self.folder / name)


def build_mailer(config: dict[str, Any]) -> Mailer:
    """The mailer that the configuration asks for."""
    if config["SMTP_HOST"]:
        return SmtpMailer(
            config["SMTP_HOST"],
            config["SMTP_PORT"],
            user=config["SMTP_USER"],
            password=config["SMTP_PASSWORD"],
            starttls=config["SMTP_STARTTLS"],
        )
    return FolderMailer(Path(config["MAIL_FOLDER"]).resolve())


def init_app(app: Flask) -> None:
    """Build the app's mailer; the log names the folder when mails go to one."""
    mailer = build_mailer(app.config)
    app.extensions[_EXTENSION] = mailer
    if isinstance(mailer, FolderMailer):
        log.debug("SMTP_HOST is not set: mails are written to the folder %s", mailer.folder)


def send(message: EmailMessage) -> None:
    """Send through the current app's mailer; see `Mailer` for what it raises."""
    mailer: Mailer = current_app.extensions[_EXTENSION]
    mailer.send(message)
