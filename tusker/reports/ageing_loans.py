"""The loans behind each figure of the ageing."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from wtforms.validators import ValidationError as FieldError

from tusker import clock
from tusker.currency import currency
from tusker.domain.loans.ageing import Bucket, bucket_of
from tusker.messages import Text, joined, say
from tusker.models import Role
from tusker.queries.loans.ageing import Narrowed, loans_behind, sum_behind
from tusker.queries.loans.loan_rows import LoanRow
from tusker.reports.blueprint import bp, narrowed_to, own, pays
from tusker.reports.forms import AsOfForm
from tusker.web.forms.fields import ChoiceField, CountField, DayField
from tusker.web.lists.columns import Column, Kind
from tusker.web.lists.listing import ListOf
from tusker.web.lists.shown import Shown

_BUCKETS: Mapping[str, Text] = {
    Bucket.CURRENT: say("not past due"),
    Bucket.OVER_90: say("over 90 days past due"),
}
"""What is not called by its days."""


class AgeingFilter(AsOfForm):
    """Which loans are shown; links set whose."""

    bucket = ChoiceField(
        say("Days past due"),
        required=False,
        empty=say("All"),
        choices=[(each, each.words) for each in Bucket],
    )
    supplier = CountField(say("Supplier"), required=False, minimum=1)
    purchaser = CountField(say("Purchaser"), required=False, minimum=1)
    line = CountField(say("Credit line"), required=False, minimum=1)

    def validate_as_of(self, as_of: DayField) -> None:
        if as_of.data and as_of.data > clock.today():
            raise FieldError(say("The day must not be in the future."))

    def asked(self) -> dict[str, Any]:
        """The day and the loans, within what this person may see."""
        asked, mine, today = super().asked(), own(), clock.today()
        wanted = Narrowed(
            supplier_id=narrowed_to(asked.get("supplier"), mine.get("supplier_id")),
            purchaser_id=narrowed_to(asked.get("purchaser"), mine.get("purchaser_id")),
            line_id=asked.get("line"),
            bucket=Bucket(asked["bucket"]) if "bucket" in asked else None,
            as_purchaser=pays(),
        )
        return {"as_of": asked.get("as_of", today), "wanted": wanted}


def _part(name: str, row: LoanRow) -> int:
    return int(getattr(row.live, name))


def _late(row: LoanRow) -> int:
    return row.days_late(as_purchaser=pays())


AGEING_LOANS = ListOf(
    "ageing-loans",
    say("Loans"),
    "reports.ageing_loans",
    (
        Column("as_of", say("As of"), Kind.DAY, shown=False),
        Column("invoice", say("Invoice"), value=lambda row: row.number),
        Column("loan", say("Loan"), value=lambda row: row.reference),
        Column(
            "platform_loan_id",
            say("Platform's loan id"),
            value=lambda row: row.platform_reference,
            shown=False,
        ),
        Column("supplier", say("Supplier"), Kind.NAME, not_for=Role.SUPPLIER),
        Column("purchaser", say("Purchaser"), Kind.NAME, not_for=Role.PURCHASER),
        Column("recourse_on", say("Owed by the supplier since"), Kind.DAY, shown=False),
        Column("due_date", say("Due"), Kind.DAY, sorts=True, place=lambda row: row.due_now),
        Column(
            "days_past_due", say("Days past due"), Kind.NUMBER, lambda row: _late(row) or None, file=_late
        ),
        Column(
            "bucket",
            say("Bucket"),
            value=lambda row: bucket_of(_late(row)).words,
            shown=False,
            file=lambda row: bucket_of(_late(row)).replace("–", "-"),
        ),
        *(
            Column(
                part,
                head,
                Kind.MONEY,
                partial(_part, part),
                shown=part == "principal",
                not_for=Role.PURCHASER,
            )
            for part, head in (
                ("principal", say("Principal")),
                ("interest", say("Interest")),
                ("fee", say("Fee")),
                ("penalty", say("Penalty")),
            )
        ),
        Column("loan_total", say("Owed on the loan"), Kind.MONEY, lambda row: row.live.total, shown=False),
        Column("owed", say("Owed"), Kind.MONEY, lambda row: row.owed(as_purchaser=pays())),
        Column("currency", say("Currency"), value=lambda _: currency().code, shown=False),
        Column(
            "purchaser_pays",
            say("The purchaser pays"),
            Kind.MONEY,
            lambda row: row.purchaser_owes,
            shown=False,
        ),
    ),
    order="due_date",
    row=("loan", "loan_id"),
    tabs=("supplier", "purchaser", "line"),
    id_of=lambda row: int(row.loan_id),
)


def _about(shown: Shown) -> dict[str, Any]:
    """What the list is narrowed to, in words, and the day."""
    form, words = shown.form.data, list[str]()
    for row in shown.page.items[:1]:
        names = {
            "line": f"{row.supplier} → {row.purchaser}",
            "supplier": row.supplier,
            "purchaser": row.purchaser,
        }
        words += [name for key, name in names.items() if form[key]]
    if bucket := form["bucket"]:
        words.append(_BUCKETS.get(bucket) or say("{bucket} days past due", bucket=bucket))
    about = joined(words) if words else say("all loans")
    return {"about": about, "day": form["as_of"] or clock.today()}


AGEING_LOANS.serve(
    bp,
    "/ageing/loans",
    "reports/ageing/ageing_loans.html",
    form=AgeingFilter,
    query=lambda **asked: loans_behind(today=clock.today(), **asked),
    totals=sum_behind,
    context=_about,
)
