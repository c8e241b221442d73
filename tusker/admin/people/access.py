"""The list of the access log."""

from tusker.admin.blueprint import bp
from tusker.admin.forms import AccessFilter
from tusker.messages import say
from tusker.queries.people.access import access_page, access_totals
from tusker.web.access import STAFF
from tusker.web.filters import device_words
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf

ACCESS = ListOf(
    "access",
    say("Access log"),
    "admin.access_log",
    (
        Column("id", say("Id"), Kind.NUMBER, shown=False),
        Column("at", say("When"), Kind.MOMENT, sorts=True),
        Column("name", say("Who"), Kind.NAME, lambda row: row.user.name if row.user else say("Unknown")),
        Column("email", say("Mail address"), Kind.NAME),
        Column("kind", say("What"), Kind.STATUS),
        Column("detail", say("Page"), Kind.NAME),
        Column("address", say("Address")),
        Column("browser", say("Browser"), Kind.NAME, lambda row: device_words(row.device)),
        Column("device", say("Browser in full"), Kind.NAME, shown=False),
    ),
    order="-at",
    by_id="at",
    row=("entry", "id"),
)


ACCESS.serve(
    bp,
    "/access",
    "admin/people/access.html",
    *STAFF,
    form=AccessFilter,
    query=access_page,
    totals=access_totals,
)
