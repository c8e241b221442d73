"""The cron table: what runs when. Every job is safe to run twice, so that two schedulers do no harm."""

from __future__ import annotations

from flask import Flask
from redis import Redis
from rq.cron import CronScheduler

from tusker.jobs.attention import watch
from tusker.jobs.bundling import bundle_day
from tusker.jobs.housekeeping import clean_up
from tusker.jobs.outbox import send_outbox
from tusker.jobs.polling import poll_all
from tusker.jobs.sealing import seal_new
from tusker.jobs.servicing import prove_day, service_day
from tusker.jobs.webhooks import work_off_webhooks
from tusker.queues import QUEUE

OUTBOX_SECONDS = 30
"""How late a mail goes out whose nudge was lost with Redis."""
WEBHOOK_SECONDS = 60
"""How late a webhook is worked off whose nudge was lost, or whose recording failed."""
ATTENTION_SECONDS = 180
"""How late a matter that needs a person is seen whose nudge was lost, or that only time brings about."""
SEALING_SECONDS = 60
"""How long a committed event waits for its link of the hash chain."""
PROOF_TIMEOUT = 3600
"""The daily proof reads every event there ever was."""


def cron_scheduler(app: Flask, connection: Redis) -> CronScheduler:
    """The scheduler with all jobs of this installation registered.

    Cron times are the process's local time: the caller sets TZ to the installation's time zone first.
    """
    hour, minute = app.config["BUNDLE_TIME"]
    scheduler = CronScheduler(connection=connection, logging_level=app.config["LOG_LEVEL"])
    scheduler.register(poll_all, QUEUE, interval=app.config["POLL_INTERVAL_SECONDS"], result_ttl=60)
    scheduler.register(send_outbox, QUEUE, interval=OUTBOX_SECONDS, result_ttl=60)
    scheduler.register(work_off_webhooks, QUEUE, interval=WEBHOOK_SECONDS, result_ttl=60)
    scheduler.register(watch, QUEUE, interval=ATTENTION_SECONDS, result_ttl=60)
    scheduler.register(seal_new, QUEUE, interval=SEALING_SECONDS, result_ttl=60)
    hour_of_day, minute_of_day = app.config["SERVICING_TIME"]
    scheduler.register(service_day, QUEUE, cron=f"{minute_of_day} {hour_of_day} * * *", result_ttl=86400)
    scheduler.register(
        prove_day,
        QUEUE,
        cron=f"{minute_of_day} {hour_of_day} * * *",
        result_ttl=86400,
        job_timeout=PROOF_TIMEOUT,
    )
    scheduler.register(clean_up, QUEUE, cron=f"{minute_of_day} {hour_of_day} * * *", result_ttl=86400)
    scheduler.register(bundle_day, QUEUE, cron=f"{minute} {hour} * * *", result_ttl=86400)
    return scheduler
