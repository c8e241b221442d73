"""What runs by itself, from the shell: `flask catch-up`, `send-mail`, `poll`."""

import click

from tusker.carriers.registry import get_carriers
from tusker.cli import commands
from tusker.jobs.daily import due_jobs, run_daily
from tusker.jobs.outbox import send_outbox
from tusker.jobs.polling import poll_carrier


@commands.command("send-mail")
def send_mail_command() -> None:
    """Send the mails of the outbox that are due, once, here and now."""
    handled = send_outbox()
    click.echo(f"{handled} mail{'' if handled == 1 else 's'} dealt with.")


@commands.command("catch-up")
def catch_up_command() -> None:
    """Do the daily jobs that are due and not done yet, here and now: servicing, clean-up, proof, daily disbursal."""
    due = due_jobs()
    for job in due:
        days = run_daily(job)
        click.echo(f"{job.words}: {days} business day{'' if days == 1 else 's'} done.")
    if not due:
        click.echo("Nothing is due.")


@commands.command("poll")
def poll_command() -> None:
    """Ask every delivery company about the shipments that are due, once, here and now."""
    for name in get_carriers():
        asked = poll_carrier(name)
        click.echo(f"{name}: asked for {asked} shipment{'' if asked == 1 else 's'}.")
