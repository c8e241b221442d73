"""Filters that write amounts, days, rates and statuses on pages."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache

from babel.dates import format_date, format_datetime, format_timedelta
from flask import Flask, current_app
from markupsafe import Markup

from tusker import catalogues, clock
from tusker.carriers.registry import carrier_label
from tusker.catalogues import grouped, locale, month_words
from tusker.currency import currency
from tusker.domain.credit.limits import SIDE_SAID
from tusker.domain.loans.ageing import Bucket
from tusker.domain.status import Status, Tone
from tusker.messages import Text, coded, joined, say, show_day, shown, speaker, worded
from tusker.models import DeductionKind, Event
from tusker.web.plotting.shapes import stack

NOTHING = "–"
_CODE = re.compile(r"[a-z_]+")
_TOLD_BY_CARRIERS = {"shipment", "delivered", "cancelled"}


def money(amount: int | None) -> str:
    """Minor units as people read them, such as ₹1,25,000.00; a dash for None."""
    return NOTHING if amount is None else currency().show(amount)


def money_plain(amount: int | None) -> str:
    """Minor units as an input field holds them, such as 125000.00; empty for None."""
    return "" if amount is None else currency().plain(amount)


def percent(fraction: Decimal | None) -> str:
    """A fraction as a percentage with as many decimals as it has: 0.185 → 18.5%."""
    return NOTHING if fraction is None else f"{percent_plain(fraction)}%"


def percent_plain(fraction: Decimal | None) -> str:
    """The same without the sign, for input fields; empty for None."""
    if fraction is None:
        return ""
    text = f"{Decimal(fraction) * 100:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: int | Decimal | None) -> str:
    """A count with the separators of the installation's locale."""
    return NOTHING if value is None else grouped(value)


def day(value: date | None) -> Markup | str:
    """A business date, such as 5 Mar 2026."""
    if value is None:
        return NOTHING
    return _day(value, locale())


@lru_cache(maxsize=4_096)
def _day(value: date, locale: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), _words_of(value, locale))


def _words_of(value: date, locale: str) -> str:
    return show_day(value) if locale.startswith("en") else format_date(value, "d MMM y", locale=locale)


def moment(value: datetime | None) -> Markup | str:
    """An instant in the installation's time zone, such as 5 Mar 2026, 14:05."""
    if value is None:
        return NOTHING
    local, words, _, _ = _words(value)
    return _time(value, f"{words}, {local:%H:%M}")


def ago(value: datetime | None) -> Markup | str:
    """An instant by its distance from now, such as “3 minutes ago”; the full time is its title."""
    if value is None:
        return NOTHING
    words = format_timedelta(value - clock.now(), add_direction=True, locale=locale(), threshold=1)
    return _time(value, words)


def status_label(status: str) -> str:
    """A status in people's words, such as “Written off”; names and amounts stay as they are."""
    return worded(str(status))


_WITH_DAYS = ("dates_changed", "due_date_moved", "due_date_moved_back")
_ISO_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


def event_value(value: str | None, kind: str) -> str:
    """What stood before or stands after an event of a kind, or a part that it changed, in words."""
    if value is None or value == "":
        return NOTHING
    if kind in {"advance_rate", "apr", "fee_rate", "penal_rate"}:
        return percent(Decimal(value))
    if kind in {"fee_flat", "fee_min", "fee_max"}:
        return money(int(value))
    if kind in {"carrier_id_added", "carrier_id_removed"}:
        carrier, side, external_id = str(value).split(" ", 2)
        return say(
            "{id} at {carrier}, as {side}",
            id=external_id,
            carrier=carrier_label(carrier),
            side=SIDE_SAID[side],
        )
    if kind in {"rule_made", "rule_ended"}:
        title, _, bound = value.partition(": ")
        return shown(joined((Text(title, None, {}), catalogues.retold(bound)), ": "))
    if kind.endswith(_WITH_DAYS):
        return _ISO_DAY.sub(lambda found: speaker.get().day(date.fromisoformat(found[0])), str(value))
    return retold(status_label(value))


ACTOR_WORDS = {
    "job attention": say("Automatic checks"),
    "job bundle": say("Daily run"),
    "job clean up": say("Housekeeping"),
    "job daily": say("Daily run"),
    "job import": say("Invoice import"),
    "job poll": say("Delivery tracking"),
    "job prove": say("Daily proof"),
    "job seal": say("Daily proof"),
    "job send_outbox": say("Outgoing mail"),
    "job servicing": say("Loan servicing"),
    "job statements": say("Statement import"),
    "job waiting list": say("Waiting list"),
    "job webhook": say("Delivery company"),
}
"""Who acted where no person did, as pages name it."""
_TOLD = re.compile(r"(?P<carrier>\S+) (?P<verb>said|reported) (?P<rest>.+)", re.S)


def actor_words(actor: str) -> str:
    """Who did something: a person's name as it is, a job or a command in words."""
    if actor.startswith("flask "):
        return say("Command line")
    if actor.startswith("webhook "):
        return ACTOR_WORDS["job webhook"]
    return ACTOR_WORDS.get(actor) or (say("Automatic") if actor.startswith("job ") else retold(actor))


def reason_words(event: Event) -> tuple[str, str]:
    """Why something happened, and the code in which a delivery company told it; either may be empty."""
    if event.kind.startswith(("credit_note", "deduction")):
        return _noted(event.reason), ""
    told = _TOLD.fullmatch(event.reason) if event.kind in _TOLD_BY_CARRIERS else None
    if told is None:
        return retold(event.reason), ""
    if told["verb"] == "said":
        return "", told["rest"]
    if not _CODE.fullmatch(told["rest"]):  # a person's own words
        return retold(event.reason), ""
    return say("The delivery company reported {words}", words=coded(told["rest"])), ""


def _noted(reason: str) -> str:
    """What an event of a deduction says, such as “quality: torn”, with its kind in the language of the page."""
    about, by, why = reason.partition(": ")
    for said in (kind.words for kind in DeductionKind):
        if about == said or about.startswith(f"{said} "):
            return f"{shown(said)}{about.removeprefix(said)}{by}{retold(why)}"
    return retold(reason)


def retold(text: str | None) -> str:
    """A sentence that is stored, in the language of the page: see `catalogues.retold`."""
    return shown(catalogues.retold(text or ""))


def sentence(text: str) -> str:
    """Words with a capital letter in front, in the language of the page."""
    said = shown(text)
    return said[:1].upper() + said[1:]


def tone(status: Status) -> Tone:
    """The colour of a status; its badge has the style ``tk-tone-…``."""
    return status.tone


def figures(names: Iterable[str]) -> list[tuple[str, str]]:
    """Heads of columns of figures, as the macro `table` takes them."""
    return [(name, "text-end") for name in names]


def late_parts(amounts: Mapping[Bucket, int]) -> list[tuple[int, str, str]]:
    """The parts of a bar by days past due: how much, the colour, and what it is."""
    return [
        (amount, f"late{number}", say("{what}: {amount}", what=bucket.words, amount=money(amount)))
        for number, (bucket, amount) in enumerate(amounts.items())
    ]


def _time(value: datetime, shown: str) -> Markup:
    local, _, words, zone = _words(value)
    full = f"{words}, {local:%H:%M:%S} {zone}"
    return Markup(f'<time datetime="{value.isoformat()}" title="{full}">{shown}</time>')  # noqa: S704 - of figures


_ZONES: dict[tuple[object, ...], str] = {}
"""Names of the time zone by what they depend on."""


def _words(value: datetime) -> tuple[datetime, str, str, str]:
    """The instant in the installation's time zone, its day, that with its weekday, and the name of the zone."""
    spoken = locale()
    local = value.astimezone(current_app.config["TIMEZONE"])
    key = local.tzinfo, local.utcoffset(), local.dst(), spoken
    if key not in _ZONES:
        _ZONES[key] = format_datetime(local, "zzz", tzinfo=local.tzinfo, locale=spoken)
    return (local, *_day_words(local.date(), spoken), _ZONES[key])


@lru_cache(maxsize=4_096)
def _day_words(value: date, locale: str) -> tuple[str, str]:
    return _words_of(value, locale), format_date(value, "EEE d MMM y", locale=locale)


def device_words(device: str) -> str:
    """A browser's long name for itself in three words. Only to recognise one's own: anybody can claim any name."""
    browsers = (
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    )
    browser = next((name for mark, name in browsers if mark in device), None)
    system = next((name for mark, name in systems if mark in device), None)
    if browser and system:
        return say("{browser} on {system}", browser=browser, system=system)
    return browser or system or device[:60] or say("Unknown device")


def init_app(app: Flask) -> None:
    """Make the filters known to templates by their names."""
    for function in (
        money,
        money_plain,
        percent,
        percent_plain,
        number,
        day,
        moment,
        ago,
        month_words,
        status_label,
        shown,
        event_value,
        actor_words,
        reason_words,
        retold,
        sentence,
        tone,
        figures,
        stack,
        late_parts,
        carrier_label,
        device_words,
    ):
        app.jinja_env.filters[function.__name__] = function
