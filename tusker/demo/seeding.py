"""Filling the database, and the courier simulator with it."""

from datetime import datetime
from pathlib import Path

from flask import current_app
from sqlalchemy import func, select, text

from tusker.currency import currency
from tusker.demo.book import DemoBook
from tusker.demo.companies import NEWCOMER, PASSWORD, PEOPLE
from tusker.demo.courier import CourierDesk
from tusker.demo.history import History
from tusker.demo.history_plan import HISTORY_DAYS
from tusker.demo.recent_days import Present
from tusker.domain.credit.risk import RuleKind
from tusker.domain.record.daily import DailyJob, days_due
from tusker.errors import NotAllowed
from tusker.extensions import db
from tusker.models import Customer, User
from tusker.services.credit.risk.rules import RuleData, add_rule
from tusker.services.record.daily_runs import count_as_done

APPEND_ONLY = ("events", "event_seals")


def customers_there() -> int:
    """How many customers the database has."""
    return int(db.session.scalar(select(func.count()).select_from(Customer)) or 0)


def is_demo() -> bool:
    return db.session.scalar(select(User.id).where(User.email == NEWCOMER.email)) is not None


def refuse_in_production() -> None:
    """The demo has known passwords and may empty tables."""
    if current_app.config["ENVIRONMENT"] == "PRODUCTION":
        raise NotAllowed("The demo cannot be seeded with ENVIRONMENT=PRODUCTION: its passwords are public.")


def empty_tables() -> None:
    """Throw everything away, in the caller's transaction, for a demo from the start."""
    refuse_in_production()
    names = ", ".join(f'"{table.name}"' for table in db.metadata.sorted_tables)
    # The one place that may: the append-only rows of a demo go with it.
    for table in APPEND_ONLY:
        db.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
    db.session.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
    for table in APPEND_ONLY:
        db.session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def seed(now: datetime, courier: CourierDesk | None) -> None:
    """Make the demo in the caller's transaction; `now` is an aware instant.

    The courier gets its orders last, so that none arrives before the demo is ready.
    """
    refuse_in_production()
    timezone = current_app.config["TIMEZONE"]
    book = DemoBook(
        now=now,
        today=now.astimezone(timezone).date(),
        timezone=timezone,
        programme_limit=currency().minor(current_app.config["PROGRAMME_LIMIT"]),
    )
    book.open(book.days_ago(HISTORY_DAYS))
    add_rule(
        book.at(book.days_ago(HISTORY_DAYS), 10, "admin@tusker.test"),
        RuleData(RuleKind.TENOR, 180),
        reason="Our own bank lends for half a year.",
    )
    history, present = History(book), Present(book)
    for ago in range(HISTORY_DAYS, 1, -1):
        history.day(book.days_ago(ago))
    present.before_the_last_bundle()
    history.day(book.days_ago(1))
    present.until_now()
    _close_old_mails(now)
    _count_todays_bundle(book)
    _close_old_looks()
    if courier is not None:
        courier.put_orders(list(book.orders.values()))


def _count_todays_bundle(book: DemoBook) -> None:
    """The first daily disbursal of the demo is the next one to come; its queue is there to be looked at."""
    at = current_app.config["BUNDLE_TIME"]
    last = days_due(book.days_ago(2), book.now, at, book.timezone)[-1]
    count_as_done(book.at(book.today, 23), DailyJob.BUNDLE, last, at, book.timezone)


def _close_old_looks() -> None:
    """Nobody asked the courier in the past: the looks for goods that came back count as made."""
    db.session.flush()
    db.session.execute(
        text(
            "UPDATE shipments SET next_poll_at = NULL WHERE status IN ('delivered', 'returned', 'cancelled')"
        )
    )


def _close_old_mails(now: datetime) -> None:
    """The past is past: only mails of the last day are still to be sent."""
    db.session.flush()
    db.session.execute(
        text(
            "UPDATE outbox SET sent_at = created_at WHERE sent_at IS NULL AND created_at < :now - interval '1 day'"
        ),
        {"now": now},
    )


def login_lines(orders: list[str] | None) -> list[str]:
    """The demo logins as people read them, with the orders that can be requested (None: nobody was asked)."""
    width = max(len(person.email) for person in PEOPLE)
    lines = [
        f"Demo logins, all with the password {PASSWORD}",
        *(f"  {person.email:<{width}}  {person.role:<9}  {person.name}" for person in PEOPLE),
    ]
    if orders is not None:
        told = ", ".join(orders) or "none is left; `make reset` makes a new demo"
        lines.append(f"Orders to request as {NEWCOMER.email}: {told}")
    return lines


def write_logins(lines: list[str], path: Path | None = None) -> Path:
    """Keep the logins, for their owner only: where the launcher finds them (`var/demo-logins.txt`), or as told."""
    path = path or Path(current_app.root_path).parent / "var" / "demo-logins.txt"
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n")
    return path
