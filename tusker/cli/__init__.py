"""The `flask` commands, and what they share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial, wraps
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import AppGroup, ScriptInfo

from tusker import clock
from tusker.currency import currency
from tusker.errors import InvalidInput, TuskerError
from tusker.models import Proposal, User
from tusker.queries.lookup import admin_called
from tusker.services.context import Context
from tusker.services.people.passwords import confirm_password
from tusker.transactions import transaction


class Command(click.Command):
    """A command that says a typed error in one line on standard error, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, inside the application where `flask` has not entered it already."""
        if not current_app:
            ctx.with_resource(ctx.ensure_object(ScriptInfo).load_app().app_context())
        with spoken_errors():
            return self.act(ctx)

    def act(self, ctx: click.Context) -> Any:
        return super().invoke(ctx)


class Change(Command):
    """A command that does all of it in one transaction, and then says what it returns."""

    def act(self, ctx: click.Context) -> None:
        """All of it, then the words."""
        with transaction():
            words = super().act(ctx)
        click.echo(words)


class Commands(AppGroup):
    """Commands that run with the application and its database."""

    command_class = Command


commands = Commands()
"""All of them; each module adds its own by `@commands.command`."""


_Acts = Callable[..., str | None]

change = partial(commands.command, cls=Change)
"""Adds a command that changes something."""


class LateCommands(AppGroup):
    """The commands of every module here, in rooms too, and those of migrations: imported when somebody looks for one,
    and not by a server."""

    def __init__(self, app: Flask) -> None:
        super().__init__(name=app.name)
        self._app, self._loaded = app, False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self._load()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self._load()
        return super().list_commands(ctx)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for module in walk_packages(__path__, f"{__name__}."):
            import_module(module.name)
        for command in commands.commands.values():
            self.add_command(command)
        _ = self._app.extensions["migrate"].directory  # which makes its commands


def init_app(app: Flask) -> None:
    """Have the commands at hand."""
    app.cli = LateCommands(app)


def command_context(admin: User | None = None, why: str = "") -> Context:
    """Who acts by the running command, an admin or whoever runs this machine, and the time, as services want them."""
    here = click.get_current_context()
    group = (
        f"{here.parent.info_name} "
        if here.parent and here.parent.command is not here.find_root().command
        else ""
    )
    name = f"flask {group}{here.info_name}"
    actor_id, actor = (admin.id, f"{admin.name[:80]} ({name})") if admin else (None, name)
    return Context(actor_id=actor_id, actor=actor, now=clock.now(), today=clock.today(), why=why)


@contextmanager
def spoken_errors() -> Iterator[None]:
    """Turn a typed error into one line on standard error and exit code 1."""
    try:
        yield
    except TuskerError as error:
        where = f"{error.field}: " if error.field else ""
        raise click.ClickException(f"{where}{error.message}") from None


def _acting(*given: Callable[[_Acts], _Acts]) -> Callable[[_Acts], _Acts]:
    """Gives a command these options and, made of them, its `ctx`."""

    def decorate(command: _Acts) -> _Acts:
        def act(
            *args: Any, email: str | None, why: str = "", own_word: str | None = None, **options: Any
        ) -> str | None:
            admin = admin_called(email) if email else None
            if admin is not None and own_word is not None:
                confirm_password(admin.id, own_word)
            return command(*args, ctx=command_context(admin, why), **options)

        acts: _Acts = wraps(command)(act)
        for option in given:
            acts = option(acts)
        return acts

    return decorate


_ADMIN = click.option("--as", "email", required=True, metavar="EMAIL", help="The admin who does this.")
_PASSWORD = click.option(
    "--password", "own_word", prompt=True, hide_input=True, help="The admin's; asked for unless given."
)
_SOMEBODY = click.option(
    "--as", "email", metavar="EMAIL", help="The admin who does this; whoever runs this machine unless given."
)
_WHY = click.option("--why", default="", help="The other admin reads it, where one has to accept this.")

acting_as = _acting(_ADMIN)
"""Names the admin who does it."""
acting_as_proven = _acting(_PASSWORD, _ADMIN)
"""Names the admin who does it and asks for the password, where the admin's own word is needed."""
as_or_operator = _acting(_SOMEBODY)
"""Names an admin who does it; without one, whoever runs this machine does."""
acting_as_or_operator = _acting(_WHY, _SOMEBODY)
"""The same and, for a command that asks for no reason of its own, why."""
with_reason = click.option("--reason", required=True, help="Goes into the events.")


def say_row(*cells: object) -> None:
    """A row of a list, tab-separated; a dash for what is not there."""
    click.echo("\t".join("–" if cell in (None, "") else str(cell) for cell in cells))


def said(made: object, words: str) -> str:
    """What a command says of what it did, or of the proposal that it made."""
    if isinstance(made, Proposal):
        return f"Proposed as {made.id}: another admin must accept it (flask approve {made.id})."
    return words


class AmountType(click.ParamType[int]):
    """An amount in major units; minor units come out."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it with the installation's currency."""
        if isinstance(value, int):
            return value
        try:
            return currency().parse(
                value, field=param.name if param and param.name else "amount", allow_zero=True
            )
        except InvalidInput as error:
            self.fail(error.message, param, ctx)


AMOUNT = AmountType()


class Day(click.ParamType[date]):
    """A business date as YYYY-MM-DD, from 2000 to 2099."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read the date; the message names the option."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            day = date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date such as 2026-03-31", param, ctx)
        if not 2000 <= day.year < 2100:
            self.fail(f"{value} is not a date from 2000 to 2099", param, ctx)
        return day
