"""The `flask` commands. Each module of this package has a `register(app)`, which is found and called here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pkgutil import iter_modules

import click
from flask import Flask

from tusker import clock
from tusker.errors import TuskerError
from tusker.queries.lookup import admin_called
from tusker.services.context import Context


def init_app(app: Flask) -> None:
    """Register the commands of every module in this package."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}").register(app)


def command_context(name: str) -> Context:
    """The acting command and the time, as services want them."""
    return Context(actor_id=None, actor=f"flask {name}", now=clock.now(), today=clock.today())


def admin_context(name: str, email: str) -> Context:
    """An admin acting by a command, where two people are needed; raises `NotFound` for anybody else."""
    admin = admin_called(email)
    actor = f"{admin.name[:80]} (flask {name})"
    return Context(actor_id=admin.id, actor=actor, now=clock.now(), today=clock.today())


@contextmanager
def spoken_errors() -> Iterator[None]:
    """Turn a typed error into one line on standard error and exit code 1."""
    try:
        yield
    except TuskerError as error:
        where = f"{error.field}: " if error.field else ""
        raise click.ClickException(f"{where}{error.message}") from None
