"""When an invoice may be financed: every condition, from plain facts. The one function for all who move an invoice
on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from tusker.domain.delivery.shipments import ShipmentStatus
from tusker.domain.status import Worded
from tusker.messages import joined, say


class PurchaserAnswer(StrEnum):
    """What a purchaser says of a delivery and its amount."""

    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


class Grounds(Worded):
    """Why a purchaser disputes."""

    GOODS = "goods_not_received", say("goods not received")
    AMOUNT = "amount_differs", say("the amount differs")
    OTHER = "other", say("other")


class Condition(Worded):
    """What has to hold before an invoice is financed, in the order in which pages list it."""

    NUMBER = "number", say("a decision whether it is another invoice than the one that it looks like")
    DELIVERY = "delivery", say("the delivery")
    PARCEL = "parcel", say("a decision on its delivery, which was before the invoice")
    PLACE = "place", say("a decision on its parcel, whose cities are not those of the two companies")
    DISPUTE = "dispute", say("the purchaser's dispute to be settled")
    VALUE = "value", say("the declared value to agree with the invoice")
    PAPER = "paper", say("a verified document in place of the one that is not valid")
    DOCUMENTS = "documents", say("a verified proof of delivery or signed invoice")
    CONFIRMATION = "confirmation", say("the purchaser's confirmation")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a credit line requires besides the delivery."""

    documents: bool = False
    confirmation: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """What the invoice is worth and what the delivery company was told; minor units.

    `eligible` is `amount` less credit notes. `accepted` is a declared value that an admin took as it is.
    """

    amount: int
    eligible: int
    declared: int | None = None
    accepted: int | None = None

    def agrees(self, tolerance: Decimal) -> bool:
        """Whether the declared value lies within the tolerance, a fraction of the amount, its edges included.

        With credit notes anything from what they left up to the whole amount agrees: the delivery company may or may
        not have heard of them.
        """
        if self.declared is None or self.declared == self.accepted:
            return True
        most = self.amount * tolerance
        return self.eligible - most <= self.declared <= self.amount + most


def came_too_early(delivered: date, invoiced: date, tolerance_days: int) -> bool:
    """Whether a delivery was so many days before its invoice that it must be another parcel's: delivery companies use
    their numbers again."""
    return delivered < invoiced - timedelta(days=tolerance_days)


def contradicts(told: str | None, known: Sequence[str]) -> bool:
    """Whether a city that a delivery company told is none of a company's; what is not known is no grounds."""
    return told is not None and bool(known) and told not in known


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts that the conditions depend on.

    `overruled`: an admin decided the purchaser's dispute. `alike`: an earlier invoice looks like this one, and
    `too_early`: the delivery was before the invoice, and no admin accepted it. `document_invalid`: an admin found that
    one of its documents is not valid. `elsewhere`: the parcel's cities are not those of supplier and purchaser, and no
    admin accepted them.
    """

    shipment: ShipmentStatus
    wishes: Wishes
    document_verified: bool
    answer: PurchaserAnswer | None
    overruled: bool
    value: Value
    alike: bool = False
    too_early: bool = False
    elsewhere: bool = False
    document_invalid: bool = False


def waits_for(conditions: Iterable[Condition]) -> str:
    """The conditions in words: what an invoice waits for."""
    return joined(condition.words for condition in conditions)


def open_conditions(facts: Facts, tolerance: Decimal) -> tuple[Condition, ...]:
    """The conditions that do not hold; empty when the invoice may be financed."""
    disputed = facts.answer is PurchaserAnswer.DISPUTED
    holds = {
        Condition.NUMBER: not facts.alike,
        Condition.DELIVERY: facts.shipment is ShipmentStatus.DELIVERED,
        Condition.PARCEL: not facts.too_early,
        Condition.PLACE: not facts.elsewhere,
        Condition.DISPUTE: not disputed or facts.overruled,
        Condition.VALUE: facts.value.agrees(tolerance),
        Condition.PAPER: facts.document_verified or not facts.document_invalid,
        Condition.DOCUMENTS: facts.document_verified or not facts.wishes.documents,
        # A dispute that was decided against the purchaser counts as its answer; an open one is a condition by itself.
        Condition.CONFIRMATION: facts.answer is not None or not facts.wishes.confirmation,
    }
    return tuple(condition for condition in Condition if not holds[condition])
