"""What the request page shows beside its form: the figures of a quote, or why there is none."""

from dataclasses import dataclass

from tusker import clock
from tusker.carriers.base import CarrierError, CarrierRefused, CarrierRejected
from tusker.errors import Duplicate, InvalidInput, TuskerError
from tusker.messages import say
from tusker.services.credit.expected import plan_words
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.risk.judging import refused_by_rules

TITLES = {
    "unknown_order": say("Unknown order"),
    "unknown_parcel": say("Unknown parcel"),
    "cancelled_order": say("Cancelled at the delivery company"),
    "no_credit_line": say("No credit line with this purchaser"),
    "line_closed": say("Nothing new on this credit line now"),
    "no_value": say("No value to finance"),
    "not_placed": say("Not placed yet"),
    "duplicate": say("Requested already"),
}


@dataclass(frozen=True, slots=True)
class Preview:
    """A quote, or the error that rules it out; neither while the form is not complete."""

    quote: Quote | None = None
    error: TuskerError | None = None
    is_parcel: bool = False

    @property
    def title(self) -> str:
        """The problem in a few words."""
        if isinstance(self.error, CarrierRejected | CarrierRefused):
            return say("The delivery company refused the request")
        if isinstance(self.error, CarrierError):
            return say("The delivery company does not answer")
        if isinstance(self.error, InvalidInput):
            return say("Something cannot be taken")
        problem = str(self.error.details.get("problem", "")) if self.error else ""
        if problem == "unknown_order" and self.is_parcel:
            problem = "unknown_parcel"
        return TITLES.get(problem, say("This cannot be financed"))

    @property
    def room(self) -> str:
        """Which repayments make room for what the limits refuse."""
        found = self.quote.plan if self.quote else None
        return plan_words(found, clock.today()) if found else ""

    @property
    def broken(self) -> str:
        """A sentence about the rules of risk that a request would break; empty when none."""
        return refused_by_rules(self.quote.rules.lines) if self.quote else ""

    @property
    def may_pass(self) -> bool:
        """Whether asking again later may help without anybody changing anything."""
        return isinstance(self.error, CarrierError)

    @property
    def invoice_id(self) -> int | None:
        """The invoice that exists already for this number."""
        found = self.error.details.get("invoice_id") if isinstance(self.error, Duplicate) else None
        return found if isinstance(found, int) else None
