"""The cron table: what runs when. Every job is safe to run twice, so two schedulers do no harm."""

from __future__ import annotations

from flask import Flask
from redis import Redis
from rq.cron import CronScheduler

from tusker.jobs.attention import watch
from tusker.jobs.daily import start_due
from tusker.jobs.imports import start_imports
from tusker.jobs.outbox import send_outbox
from tusker.jobs.polling import poll_all
from tusker.jobs.positions import keep_positions
from tusker.jobs.sealing import seal_new
from tusker.jobs.statements import start_uploads
from tusker.jobs.waiting import admit_waiting
from tusker.jobs.webhooks import work_off_webhooks
from tusker.queues import QUEUE

OUTBOX_SECONDS = 30
"""How late a mail goes out when its job was lost with Redis."""
WEBHOOK_SECONDS = 60
"""How late a webhook is handled when its job was lost, or its recording failed."""
ATTENTION_SECONDS = 180
"""How late an item that needs a person is found when its job was lost, or that arises from time alone."""
SEALING_SECONDS = 60
"""How long a committed event waits for its link of the hash chain."""
UPLOAD_SECONDS = 60
"""How late a large statement is read, or a large file of invoices imported, when its job was lost."""
WAITING_SECONDS = 60
"""How late a waiting request is admitted when its job was lost, or only the day let it fit."""
POSITION_SECONDS = 20
"""How long pages compute a loan that changed themselves."""
DAILY_SECONDS = 60
"""How late a daily job begins, and how soon a missed one is caught up."""


def cron_scheduler(app: Flask, connection: Redis) -> CronScheduler:
    """The scheduler with all jobs of this installation registered."""
    scheduler = CronScheduler(connection=connection, logging_level=app.config["LOG_LEVEL"])
    scheduler.register(poll_all, QUEUE, interval=app.config["POLL_INTERVAL_SECONDS"], result_ttl=60)
    scheduler.register(send_outbox, QUEUE, interval=OUTBOX_SECONDS, result_ttl=60)
    scheduler.register(work_off_webhooks, QUEUE, interval=WEBHOOK_SECONDS, result_ttl=60)
    scheduler.register(watch, QUEUE, interval=ATTENTION_SECONDS, result_ttl=60)
    scheduler.register(seal_new, QUEUE, interval=SEALING_SECONDS, result_ttl=60)
    scheduler.register(start_uploads, QUEUE, interval=UPLOAD_SECONDS, result_ttl=60)
    scheduler.register(start_imports, QUEUE, interval=UPLOAD_SECONDS, result_ttl=60)
    scheduler.register(admit_waiting, QUEUE, interval=WAITING_SECONDS, result_ttl=60)
    scheduler.register(keep_positions, QUEUE, interval=POSITION_SECONDS, result_ttl=60)
    scheduler.register(start_due, QUEUE, interval=DAILY_SECONDS, result_ttl=60)
    return scheduler
