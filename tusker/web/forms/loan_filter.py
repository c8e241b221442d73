"""Which open loans a list shows."""

from datetime import timedelta
from typing import Any

from tusker import clock
from tusker.messages import say
from tusker.web.forms.fields import ChoiceField, SearchField
from tusker.web.forms.form import FilterForm


class LoanFilter(FilterForm):
    q = SearchField(say("Number, loan id or company"))
    due = ChoiceField(
        say("Due"),
        required=False,
        empty=say("All open loans"),
        choices=[
            ("overdue", say("Overdue")),
            ("today", say("Due today")),
            ("week", say("Due within 7 days")),
        ],
    )

    def asked(self) -> dict[str, Any]:
        """The words and the first and last due date, as queries of open loans take them."""
        asked, today = super().asked(), clock.today()
        days = {
            "overdue": {"due_until": today - timedelta(days=1)},
            "today": {"due_from": today, "due_until": today},
            "week": {"due_from": today, "due_until": today + timedelta(days=6)},
        }
        return asked | days.get(asked.pop("due", ""), {})
