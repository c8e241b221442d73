"""Configuration from the environment. A missing or unusable variable stops the start with its name."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import get_global

from tusker.domain.loans.classification import AssetClass, Rules
from tusker.messages import LANGUAGES
from tusker.redis.url import limits_options, limits_url, sentinels_of
from tusker.secrets.keys import derive, weaknesses
from tusker.working_days import country_holidays, financial_holidays

REQUIRED_IN_PRODUCTION = (
    "SECRET_KEY",
    "DATABASE_URL",
    "REDIS_URL",
    "BASE_URL",
    "PROGRAMME_LIMIT",
    "TUSKER_CARRIER_URL",
    "TUSKER_CARRIER_TOKEN",
    "MAIL_FROM",
    "SMTP_HOST",
)

BANK_CSV_COLUMNS = (
    "Beneficiary Name=holder,Account=account,Bank Code=bank,Amount=amount,Currency=currency,"
    "Reference=reference,Narration=remittance,Execution Date=execution_date"
)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class ConfigError(SystemExit):
    """Stops the start; the message names the variable."""


_POOL = {"pool_size": 8, "max_overflow": 7, "pool_use_lifo": True}
"""Connections: one a thread, that none is opened for a request; the last one first, whose statements are planned."""


def load(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read the configuration; raises `ConfigError` naming the first variable that is missing or wrong."""
    env = os.environ if environ is None else environ
    mode = env.get("ENVIRONMENT", "DEVELOPMENT").upper()
    if mode not in {"DEVELOPMENT", "TEST", "PRODUCTION"}:
        raise ConfigError(f"ENVIRONMENT is {mode!r}; it must be DEVELOPMENT, TEST or PRODUCTION")
    production = mode == "PRODUCTION"
    if production:
        missing = [name for name in REQUIRED_IN_PRODUCTION if not env.get(name)]
        if missing:
            raise ConfigError(f"missing in ENVIRONMENT=PRODUCTION: {', '.join(missing)}")
        if weak := weaknesses(env):
            raise ConfigError(f"refused in ENVIRONMENT=PRODUCTION: {'; '.join(weak)}")
    if not env.get("DATABASE_URL"):
        raise ConfigError(
            "DATABASE_URL is not set; `make run` starts a database of its own, "
            "`make flask ARGS=…` runs a command with it"
        )
    # Outside production a key made at the start is safe: sessions then end with the process.
    signing = [env.get("SECRET_KEY") or secrets.token_hex(32), *_keys(env.get("SECRET_KEY_FALLBACKS", ""))]
    base_url = env.get("BASE_URL", "http://localhost:8000").rstrip("/")
    # gunicorn says so to what it loads; all else are workers, the scheduler and commands
    web = env.get("SERVER_SOFTWARE", "").startswith("gunicorn")
    return {
        "ENVIRONMENT": mode,
        "TESTING": mode == "TEST",
        "SIGNING_KEYS": signing,
        "SECRET_KEY": derive(signing[0], "sessions"),
        "SECRET_KEY_FALLBACKS": [derive(key, "sessions") for key in signing[1:]],
        "SQLALCHEMY_DATABASE_URI": _database_url(env["DATABASE_URL"]),
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "connect_args": _connecting(env, web),
            # changes of one kind are sent together: a bank's statement changes thousands of rows
            "executemany_mode": "values_plus_batch",
            **_POOL,
        },
        "SQLALCHEMY_BINDS": _replica(env, web),
        "REPLICA_LAG_SECONDS": _integer(env, "REPLICA_LAG_SECONDS", 30, 1, 3600),
        "PREPARE_STATEMENTS": _flag(env, "PREPARE_STATEMENTS", True),
        "REDIS_URL": (redis_address := _redis_url(env)),
        "REDIS_SECONDS": (redis_seconds := 2 if web else 5),
        "BASE_URL": base_url,
        "LENDER_NAME": env.get("LENDER_NAME", "Tusker Finance"),
        **_lender_account(env, production),
        "PAIN_VERSION": _one_of(env, "PAIN_VERSION", "09", ("09", "03")),
        "PAIN_PRIORITY": _one_of(env, "PAIN_PRIORITY", "", ("", "NORM", "HIGH")),
        "PAIN_LOCAL_INSTRUMENT": _word(env, "PAIN_LOCAL_INSTRUMENT", 35),
        "INSTANT_PAYMENTS": _flag(env, "INSTANT_PAYMENTS", False),
        "BANK_CSV_COLUMNS": env.get("BANK_CSV_COLUMNS") or BANK_CSV_COLUMNS,
        "STATEMENT_ACCOUNTS": _accounts(env.get("STATEMENT_ACCOUNTS", "")),
        "STATEMENT_CSV_COLUMNS": env.get("STATEMENT_CSV_COLUMNS", ""),
        "STATEMENT_DATE_FORMAT": env.get("STATEMENT_DATE_FORMAT", ""),
        "CURRENCY": _currency(env.get("CURRENCY") or "INR"),
        "LOCALE": env.get("LOCALE", "en_IN"),
        "LANGUAGE": _one_of(env, "LANGUAGE", "en", tuple(LANGUAGES)),
        **_holidays(env),
        "TIMEZONE": _timezone(env.get("TIMEZONE", "Asia/Kolkata")),
        "PROGRAMME_LIMIT": _amount(env, "PROGRAMME_LIMIT", "500000000"),
        "TUSKER_CARRIER_URL": env.get("TUSKER_CARRIER_URL", "http://127.0.0.1:8010"),
        "TUSKER_CARRIER_TOKEN": env.get("TUSKER_CARRIER_TOKEN", "local-courier"),
        "TUSKER_CARRIER_WEBHOOK_SECRET": env.get("TUSKER_CARRIER_WEBHOOK_SECRET", ""),
        "EASYPOST_URL": env.get("EASYPOST_URL", ""),
        "EASYPOST_API_KEY": env.get("EASYPOST_API_KEY", ""),
        "EASYPOST_WEBHOOK_SECRET": env.get("EASYPOST_WEBHOOK_SECRET", ""),
        "SHIPPO_URL": env.get("SHIPPO_URL", ""),
        "SHIPPO_API_KEY": env.get("SHIPPO_API_KEY", ""),
        "SHIPPO_WEBHOOK_SECRET": env.get("SHIPPO_WEBHOOK_SECRET", ""),
        "AFTERSHIP_URL": env.get("AFTERSHIP_URL", ""),
        "AFTERSHIP_API_KEY": env.get("AFTERSHIP_API_KEY", ""),
        "AFTERSHIP_WEBHOOK_SECRET": env.get("AFTERSHIP_WEBHOOK_SECRET", ""),
        "CARRIER_KEYS_SECRET": env.get("CARRIER_KEYS_SECRET") or ",".join(signing),
        "CARRIER_SECONDS": _carrier_seconds(env, web),
        "POLL_INTERVAL_SECONDS": _integer(env, "POLL_INTERVAL_SECONDS", 60, 1, 3600),
        "DOCUMENT_MAX_MB": _integer(env, "DOCUMENT_MAX_MB", 10, 1, 20),
        "DOCUMENT_FOLDER": _folder(env, "DOCUMENT_FOLDER"),
        "DOCUMENT_SCAN_COMMAND": _command(env, "DOCUMENT_SCAN_COMMAND"),
        "DOCUMENT_SCAN_SECONDS": _integer(env, "DOCUMENT_SCAN_SECONDS", 20, 1, 120),
        "VALUE_TOLERANCE": _share(env, "VALUE_TOLERANCE", "0.5%"),
        "BOOK_AT_LEAST": _amount(env, "BOOK_AT_LEAST", "50000000", allow_zero=True),
        "ROUNDING_TOLERANCE": _amount(env, "ROUNDING_TOLERANCE", "1", allow_zero=True),
        "DELIVERY_BEFORE_INVOICE_DAYS": _integer(env, "DELIVERY_BEFORE_INVOICE_DAYS", 7, 0, 365),
        "DELIVERY_BEFORE_REQUEST_DAYS": _integer(env, "DELIVERY_BEFORE_REQUEST_DAYS", 60, 0, 3650),
        "STALLED_AFTER_DAYS": _integer(env, "STALLED_AFTER_DAYS", 7, 1, 365),
        "CARRIER_ALERT_MINUTES": _integer(env, "CARRIER_ALERT_MINUTES", 30, 1, 10080),
        "SERVICING_TIME": _clock_time(env, "SERVICING_TIME", "06:00"),
        "WAITING_DAYS": _integer(env, "WAITING_DAYS", 30, 1, 365),
        "HOLD_AFTER_DAYS": _days_or_off(env, "HOLD_AFTER_DAYS", "30"),
        "HOLD_FROM_STATE": _one_of(env, "HOLD_FROM_STATE", "substandard", ("off", *AssetClass)),
        "CLASSIFICATION": _classification(env),
        "REMINDER_DAYS": _day_list(env, "REMINDER_DAYS", "-3,1,7,14,30"),
        "REQUIRE_SECOND_ADMIN": _flag(env, "REQUIRE_SECOND_ADMIN", production),
        "REQUIRE_SECOND_FACTOR": _flag(env, "REQUIRE_SECOND_FACTOR", production),
        "RELIEF_ALONE": _amount_or_none(env, "RELIEF_ALONE"),
        "RELIEF_MAX": _share(env, "RELIEF_MAX", "100%"),
        "RELIEF_MAX_DAYS": _integer(env, "RELIEF_MAX_DAYS", 365, 0, 3650),
        "BUNDLE_TIME": _clock_time(env, "BUNDLE_TIME", "17:00"),
        "SMTP_HOST": env.get("SMTP_HOST", ""),
        "SMTP_PORT": _integer(env, "SMTP_PORT", 587, 1, 65535),
        "SMTP_USER": env.get("SMTP_USER", ""),
        "SMTP_PASSWORD": env.get("SMTP_PASSWORD", ""),
        "SMTP_STARTTLS": _flag(env, "SMTP_STARTTLS", True),
        "MAIL_FROM": env.get("MAIL_FROM", "tusker@localhost"),
        "MAIL_FOLDER": env.get("MAIL_FOLDER", "var/mail"),
        "KEEP_GUARDS_DAYS": _integer(env, "KEEP_GUARDS_DAYS", 90, 7, 3650),
        "KEEP_SESSIONS_DAYS": _integer(env, "KEEP_SESSIONS_DAYS", 90, 8, 3650),
        "KEEP_ACCESS_DAYS": _integer(env, "KEEP_ACCESS_DAYS", 400, 30, 36500),
        "KEEP_MAILS_DAYS": _integer(env, "KEEP_MAILS_DAYS", 400, 7, 36500),
        "LOG_FORMAT": _one_of(env, "LOG_FORMAT", "text", ("text", "json")),
        "METRICS_BIND": _address(env, "METRICS_BIND"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": _traces_to(env),
        "LOG_LEVEL": env.get("LOG_LEVEL", "INFO").upper(),
        "SESSION_COOKIE_NAME": _cookie_name(base_url, production),
        "THEME_COOKIE": "__Host-theme" if production else "theme",
        "DENSITY_COOKIE": "__Host-density" if production else "density",
        # what a health check on the machine itself asks, too
        "TRUSTED_HOSTS": [urlsplit(base_url).hostname, "localhost", "127.0.0.1"] if production else None,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": production,
        "REMEMBER_COOKIE_SECURE": production,
        "SESSION_IDLE_MINUTES": _integer(env, "SESSION_IDLE_MINUTES", 30, 5, 1440),
        "SESSION_HOURS": (hours := _integer(env, "SESSION_HOURS", 12, 1, 168)),
        "PERMANENT_SESSION_LIFETIME": hours * 3600,
        "SESSION_REFRESH_EACH_REQUEST": False,
        "MAX_CONTENT_LENGTH": 21 * 1024 * 1024,  # files of 20 MB, and the form around them
        "COSTLY_RATE_LIMIT": _rate(env, "COSTLY_RATE_LIMIT", "120 per minute"),
        "SEARCH_RATE_LIMIT": _rate(env, "SEARCH_RATE_LIMIT", "240 per minute"),
        "BODY_SECONDS": _integer(env, "BODY_SECONDS", 20, 1, 600),
        "COSTLY_AT_ONCE": _integer(env, "COSTLY_AT_ONCE", 4, 1, 7),
        "RATELIMIT_STORAGE_URI": limits_url(redis_address),
        "RATELIMIT_STORAGE_OPTIONS": {
            "socket_timeout": redis_seconds,
            "socket_connect_timeout": redis_seconds,
            **limits_options(redis_address),
        },
        # Ten tries in any 15 minutes, not ten before and ten after a full quarter of an hour.
        "RATELIMIT_STRATEGY": "moving-window",
        "RATELIMIT_HEADERS_ENABLED": False,
        # Redis carries only work: without it the counts go on in PostgreSQL (`tusker.redis.throttle`).
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_SWALLOW_ERRORS": True,
    }


def _keys(text: str) -> list[str]:
    return [key for part in text.split(",") if (key := part.strip())]


def _cookie_name(base_url: str, production: bool) -> str:
    """Browsers take `__Host-` only over TLS, from this host and for all of it. Elsewhere the port is in the name: they
    keep one set of cookies for all ports, and two stacks on one machine would sign each other's people out."""
    port = urlsplit(base_url).port
    return "__Host-session" if production else f"session-{port}" if port else "session"


def _database_url(url: str) -> str:
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url.removeprefix(scheme)
    if not url.startswith("postgresql+"):
        raise ConfigError("DATABASE_URL must be a postgresql:// URL")
    return url


def _connecting(env: Mapping[str, str], web: bool) -> dict[str, object]:
    """How long to wait for the database: for a connection, a lock, a statement, and for word of a host that vanished.

    Behind a pooler in transaction mode the last three are its own business: it shares its connections among all.
    """
    page_statement = _integer(env, "STATEMENT_SECONDS", 30, 0, 3600)
    page_lock = _integer(env, "LOCK_SECONDS", 5, 0, 3600)
    job_statement = _integer(env, "JOB_STATEMENT_SECONDS", 3600, 0, 86400)
    job_lock = _integer(env, "JOB_LOCK_SECONDS", 60, 0, 3600)
    settings = {
        "statement_timeout": page_statement if web else job_statement,
        "lock_timeout": page_lock if web else job_lock,
        "idle_in_transaction_session_timeout": 300,
    }
    connecting: dict[str, object] = {
        "connect_timeout": _integer(env, "DATABASE_CONNECT_SECONDS", 5, 1, 60),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
        "application_name": "tusker-web" if web else "tusker",
    }
    if _flag(env, "PREPARE_STATEMENTS", True):
        connecting["options"] = " ".join(f"-c {name}={seconds}s" for name, seconds in settings.items())
    return connecting


def _replica(env: Mapping[str, str], web: bool) -> dict[str, Any]:
    """The copy of the database that reports are read from, if there is one."""
    url = env.get("DATABASE_REPLICA_URL")
    connecting = {**_connecting(env, web), "connect_timeout": 2}
    return {"replica": {"url": _database_url(url), "connect_args": connecting, **_POOL}} if url else {}


def _carrier_seconds(env: Mapping[str, str], web: bool) -> int:
    """How long a question to a delivery company may take in all: a person waits for less than a job."""
    page, job = _integer(env, "CARRIER_SECONDS", 4, 1, 30), _integer(env, "JOB_CARRIER_SECONDS", 15, 1, 25)
    return page if web else job


def _address(env: Mapping[str, str], name: str) -> str:
    """A host and port to listen on, or nothing."""
    address = env.get(name, "")
    if address and not (
        re.fullmatch(r"[\w.:\[\]-]*:\d{1,5}", address) and 0 < int(address.rpartition(":")[2]) <= 65533
    ):
        raise ConfigError(f"{name} is {address!r}; it must be a host and port such as 127.0.0.1:9400")
    return address


def _traces_to(env: Mapping[str, str]) -> str:
    """Where traces are sent to, or nothing; what sends them is installed only where it is wanted."""
    address = env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if address and find_spec("opentelemetry") is None:
        raise ConfigError("OTEL_EXPORTER_OTLP_ENDPOINT needs the packages in requirements-traces.txt")
    return address


def _lender_account(env: Mapping[str, str], production: bool) -> dict[str, str]:
    """The account that payouts leave from and purchasers pay to. Outside production an unset one is a demo account; in
    production it is missed, by name, only when a bank file is made."""
    account = {
        "LENDER_IBAN": env.get("LENDER_IBAN", ""),
        "LENDER_ACCOUNT_NUMBER": env.get("LENDER_ACCOUNT_NUMBER", ""),
        "LENDER_IFSC": env.get("LENDER_IFSC", ""),
        "LENDER_BIC": env.get("LENDER_BIC", ""),
    }
    # people copy account numbers with the blanks of the printed form
    account = {name: "".join(value.split()).upper() for name, value in account.items()}
    if account["LENDER_BIC"] and not re.fullmatch(
        r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", account["LENDER_BIC"], re.ASCII
    ):
        raise ConfigError(
            f"LENDER_BIC is {account['LENDER_BIC']!r}; it must have 8 or 11 signs, such as DEUTDEFF"
        )
    upi = env.get("LENDER_UPI", "").strip()
    if not production and not any(account.values()):
        account |= {"LENDER_ACCOUNT_NUMBER": "000111222333", "LENDER_IFSC": "DEMO0000001"}
        upi = upi or "demo@tusker"
    if upi and not re.fullmatch(r"[\w.-]+@[A-Za-z][\w-]*", upi, re.ASCII):
        raise ConfigError(f"LENDER_UPI is {upi!r}; it must be a UPI address such as lender@bank")
    holder = env.get("LENDER_ACCOUNT_HOLDER") or env.get("LENDER_NAME", "Tusker Finance")
    return account | {"LENDER_ACCOUNT_HOLDER": holder, "LENDER_UPI": upi}


def _accounts(text: str) -> tuple[str, ...]:
    """Account numbers as people copy them, with blanks, separated by commas."""
    return tuple(number for part in text.split(",") if (number := "".join(part.split()).upper()))


def _one_of(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    text = env.get(name) or default
    if text not in allowed:
        raise ConfigError(f"{name} is {text!r}; it must be {' or '.join(allowed)}")
    return text


MARKETS = {"INR": "XNSE", "EUR": "XECB", "USD": "XFED", "GBP": "XLON"}
"""The financial calendar of a currency, where the holidays library has one."""


def _folder(env: Mapping[str, str], name: str) -> str:
    """An absolute folder outside of what is served, or nothing."""
    folder = env.get(name, "")
    served = Path(__file__).resolve().parent / "static"
    if folder and (not Path(folder).is_absolute() or Path(folder).resolve().is_relative_to(served)):
        raise ConfigError(f"{name} is {folder!r}; it must be an absolute path outside of static")
    return folder


def _command(env: Mapping[str, str], name: str) -> list[str]:
    """A program and its arguments, quoted as for a shell that is not used; empty for none."""
    try:
        return shlex.split(env.get(name, ""))
    except ValueError as error:
        raise ConfigError(f"{name} is no command: {error}") from None


def _word(env: Mapping[str, str], name: str, longest: int) -> str:
    """A word of letters, digits and hyphens, or nothing."""
    word = env.get(name, "").strip()
    if word and not re.fullmatch(rf"[A-Za-z0-9-]{{1,{longest}}}", word):
        raise ConfigError(f"{name} must be one word of at most {longest} letters, digits and hyphens.")
    return word


def _holidays(env: Mapping[str, str]) -> dict[str, Any]:
    """Whose holidays count: a country (with its subdivision), a market, the installation's own days and weekends."""
    locale, currency = env.get("LOCALE", "en_IN"), env.get("CURRENCY", "INR")
    country = env.get("HOLIDAY_COUNTRY", locale.rpartition("_")[2] if "_" in locale else "").upper()
    market = env.get("HOLIDAY_MARKET", MARKETS.get(currency, "")).upper()
    # Banks in India work on the first, third and fifth Saturday of a month (RBI circular DBR.No.Leg.BC.40, 2015).
    weekend = env.get("WEEKEND", "sat2,sat4,sun" if country.startswith("IN") else "sat,sun")
    return {
        "HOLIDAY_COUNTRY": "" if country == "NONE" else _known_country(country),
        "HOLIDAY_MARKET": "" if market == "NONE" else _known_market(market),
        "EXTRA_HOLIDAYS": _own_holidays(env.get("EXTRA_HOLIDAYS", "")),
        "WEEKEND": _weekend(weekend),
    }


def _known_country(code: str) -> str:
    country, _, subdivision = code.partition("-")
    try:
        if country:
            country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError:
        raise ConfigError(
            f"HOLIDAY_COUNTRY is {code!r}; it must be a country such as IN or DE-BY, or none"
        ) from None
    return code


def _currency(code: str) -> str:
    """A currency that is or was tender somewhere: the decimals of any other code would be guessed."""
    tender = {
        name for rows in get_global("territory_currencies").values() for name, _, _, is_it in rows if is_it
    }
    if code not in tender:
        raise ConfigError(
            f"CURRENCY is {code!r}; it must be a currency by its ISO 4217 code, such as INR or EUR"
        )
    return code


def _known_market(code: str) -> str:
    try:
        if code:
            financial_holidays(code)
    except NotImplementedError:
        raise ConfigError(
            f"HOLIDAY_MARKET is {code!r}; it must be a market such as XNSE or XECB, or none"
        ) from None
    return code


def _own_holidays(text: str) -> dict[date, str]:
    """Days as `2026-03-20 Ugadi`, separated by commas; the name may be left out."""
    days: dict[date, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        written, _, name = part.partition(" ")
        try:
            days[date.fromisoformat(written)] = name.strip() or "Holiday"
        except ValueError:
            raise ConfigError(
                f"EXTRA_HOLIDAYS has {part!r}; it must be days such as 2026-03-20 Ugadi, separated by commas"
            ) from None
    return days


def _weekend(text: str) -> frozenset[tuple[int, int | None]]:
    """Weekdays on which banks are closed: `sun`, or the nth of a month only: `sat2`."""
    found: set[tuple[int, int | None]] = set()
    for part in filter(None, (part.strip().lower() for part in text.split(","))):
        name, nth = part[:3], part[3:]
        if part == "none":
            continue
        if name not in WEEKDAYS or nth not in {"", "1", "2", "3", "4", "5"}:
            raise ConfigError(
                f"WEEKEND is {text!r}; it must be weekdays such as sat,sun or sat2,sat4,sun, or none"
            )
        found.add((WEEKDAYS.index(name), int(nth) if nth else None))
    if len({weekday for weekday, nth in found if nth is None}) == len(WEEKDAYS):
        raise ConfigError("WEEKEND leaves no working day")
    return frozenset(found)


def _redis_url(env: Mapping[str, str]) -> str:
    url = env.get("REDIS_URL", "redis://localhost:6379/0")
    try:
        sentinels_of(url)
    except ValueError as error:
        raise ConfigError(f"REDIS_URL is no address of Sentinels: {error}") from None
    return url


def _timezone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"TIMEZONE is {name!r}, which is not a known time zone") from None


def _amount(env: Mapping[str, str], name: str, default: str, *, allow_zero: bool = False) -> Decimal:
    text = env.get(name) or default
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0 or not (value or allow_zero):
        raise ConfigError(f"{name} is {text!r}; it must be an amount such as 500000000.00")
    return value


def _amount_or_none(env: Mapping[str, str], name: str) -> Decimal:
    """An amount that may be zero, as it is where it is not set."""
    text = env.get(name) or "0"
    return Decimal(0) if text == "0" else _amount(env, name, text)


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ConfigError(f"{name} is {text!r}; it must be a whole number from {low} to {high}")
    return int(text)


def _share(env: Mapping[str, str], name: str, default: str) -> Decimal:
    """A percentage as a fraction."""
    text = (env.get(name) or default).removesuffix("%").strip()
    try:
        value = Decimal(text) / 100
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value <= 1:
        raise ConfigError(f"{name} is {env.get(name)!r}; it must be a percentage such as 0.5% or 0")
    return value


def _rate(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name) or default
    if not re.fullmatch(r"[1-9]\d{0,5} per (second|minute|hour)", text):
        raise ConfigError(f"{name} is {text!r}; it must be a rate such as 60 per minute")
    return text


def _flag(env: Mapping[str, str], name: str, default: bool) -> bool:
    text = env.get(name, "").lower()
    if text not in {"", "0", "1", "true", "false", "yes", "no"}:
        raise ConfigError(f"{name} is {text!r}; it must be 1 or 0")
    return default if not text else text in {"1", "true", "yes"}


def _days_or_off(env: Mapping[str, str], name: str, default: str) -> int | None:
    text = env.get(name) or default
    return None if text.lower() == "off" else _integer({name: text}, name, 0, 0, 730)


def _day_list(env: Mapping[str, str], name: str, default: str) -> tuple[int, ...]:
    text = env.get(name) or default
    try:
        days = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        days = (1000,)
    if any(abs(day) > 365 for day in days):
        raise ConfigError(
            f"{name} is {text!r}; it must be days such as -3,1,7 (negative: before the due date)"
        )
    return days


def _classification(env: Mapping[str, str]) -> Rules:
    """The days past due from which on each state of a borrower holds, and what is provided for it."""
    days = env.get("CLASSIFICATION_DAYS") or "1,31,61,91,365"
    shares = (env.get("PROVISIONS") or "0.4%,0.4%,0.4%,0.4%,15%,100%").split(",")
    if not re.fullmatch(r"[1-9]\d{0,3}(,[1-9]\d{0,3}){4}", days):
        raise ConfigError(
            f"CLASSIFICATION_DAYS is {days!r}; it must be five numbers of days such as 1,31,61,91,365"
        )
    sma_0, sma_1, sma_2, substandard, doubtful = map(int, days.split(","))
    if not sma_0 < sma_1 < sma_2 < substandard or len(shares) != len(AssetClass):
        raise ConfigError(
            "CLASSIFICATION_DAYS must rise up to the fourth, and PROVISIONS name six percentages"
        )
    provisions = {
        state: _share({"PROVISIONS": text}, "PROVISIONS", "0")
        for state, text in zip(AssetClass, shares, strict=True)
    }
    return Rules(sma_0, sma_1, sma_2, substandard, doubtful, provisions)


def _clock_time(env: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    text = env.get(name) or default
    hour, _, minute = text.partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
        raise ConfigError(f"{name} is {text!r}; it must be a time such as 17:00")
    return int(hour), int(minute)
