"""The application factory."""

import gc
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tusker import admin, api, auth, cli, customers, invoices, reports, transactions, web, working_days
from tusker.currency import Currency
from tusker.extensions import csrf, db, limiter, login_manager, migrate
from tusker.redis import throttle
from tusker.redis.url import connect
from tusker.watching.logs import configure_logging
from tusker.web import replica

ROOT = Path(__file__).resolve().parent.parent


def create_app(config: dict[str, Any]) -> Flask:
    """Build the app from a configuration as `config.load` returns it."""
    app = Flask(
        "tusker",
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
        root_path=str(ROOT / "tusker"),
    )
    app.config.update(config)
    configure_logging(app.config["LOG_LEVEL"], app.config["LOG_FORMAT"])
    app.extensions["tusker_currency"] = Currency(app.config["CURRENCY"], app.config["LOCALE"])
    app.extensions["tusker_redis"] = _redis(app.config["REDIS_URL"], app.config["REDIS_SECONDS"])
    working_days.init_app(app)
    db.init_app(app)
    transactions.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    login_manager.init_app(app)
    csrf.init_app(app)
    limiter.init_app(app)
    throttle.init_app(app, limiter)
    web.init_app(app)
    auth.init_app(app)
    for pages in (customers, invoices, admin, reports):
        _register(app, pages)
    api.init_app(app)
    replica.init_app(app)  # after the pages: what they note of a session is written to the first database
    cli.init_app(app)
    if app.config.get("METRICS_BIND"):
        from tusker.watching import metrics

        metrics.init_app(app)
    if app.config.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from tusker.watching import traces

        traces.init_app(app)
    return app


def _register(app: Flask, pages: ModuleType) -> None:
    """The blueprint of a package, with the views of all its modules."""
    for module in walk_packages(pages.__path__, f"{pages.__name__}."):
        import_module(module.name)
    app.register_blueprint(import_module(f"{pages.__name__}.blueprint").bp)


def _redis(url: str, seconds: int) -> Redis:
    """A way to Redis on which nothing waits long: what cannot be asked of it now, cron asks for again."""
    once_more = Retry(NoBackoff(), 1)
    return connect(url, seconds, retry=once_more)


gc.freeze()  # what is loaded stays to the end, also in the processes that are forked
gc.set_threshold(10_000)  # an import of 50,000 rows spent a tenth of its time looking for garbage among them
gc.enable()
