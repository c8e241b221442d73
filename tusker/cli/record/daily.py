"""Daily runs and the outbox from the shell: `flask catch-up`, `send-mail`."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from tusker.cli import spoken_errors
from tusker.domain.daily import TITLES
from tusker.jobs.daily import due_jobs, run_daily
from tusker.jobs.outbox import send_outbox


@click.command("send-mail")
@with_appcontext
def send_mail_command() -> None:
    """Send the mails of the outbox that are due, once, here and now."""
    with spoken_errors():
        handled = send_outbox()
    click.echo(f"{handled} mail{'' if handled == 1 else 's'} dealt with.")


@click.command("catch-up")
@with_appcontext
def catch_up_command() -> None:
    """Do the daily jobs that are due and not done yet, here and now: servicing, clean-up, proof, daily disbursal."""
    with spoken_errors():
        due = due_jobs()
        for job in due:
            days = run_daily(job)
            click.echo(f"{TITLES[job]}: {days} business day{'' if days == 1 else 's'} done.")
        if not due:
            click.echo("Nothing is due.")


def register(app: Flask) -> None:
    """Make the commands known."""
    for command in (send_mail_command, catch_up_command):
        app.cli.add_command(command)
