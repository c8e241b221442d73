"""The invoice's lifecycle: which event leads from which status to which. Nothing else may set a status."""

from tusker.domain.status import Status, Tone, Worded
from tusker.errors import IllegalTransition
from tusker.messages import say


class InvoiceStatus(Status):
    """Where an invoice stands between request and repayment."""

    APPROVED = "approved", Tone.BLUE
    REJECTED = "rejected", Tone.RED
    FINANCEABLE = "financeable", Tone.AZURE
    BUNDLED = "bundled", Tone.INDIGO
    DISBURSED = "disbursed", Tone.TEAL
    REPAID = "repaid", Tone.GREEN
    WRITTEN_OFF = "written_off", Tone.PINK
    CANCELLED = "cancelled", Tone.GREY


STATUS_SAID = {
    InvoiceStatus.APPROVED: say("approved"),
    InvoiceStatus.REJECTED: say("rejected"),
    InvoiceStatus.FINANCEABLE: say("financeable"),
    InvoiceStatus.BUNDLED: say("bundled"),
    InvoiceStatus.DISBURSED: say("disbursed"),
    InvoiceStatus.REPAID: say("repaid"),
    InvoiceStatus.WRITTEN_OFF: say("written off"),
    InvoiceStatus.CANCELLED: say("cancelled"),
}
"""What an invoice is said to be, within a sentence."""


class InvoiceEvent(Worded):
    """What may happen to an invoice after its request was answered.

    `delivered` is the delivery with all other conditions of `domain.financeable`, whichever of them came last; `held`
    is one of them that does not hold any more.
    """

    DELIVERED = "delivered", say("delivered")
    HELD = "held", say("held")
    CANCELLED = "cancelled", say("cancelled")
    BUNDLED = "bundled", say("bundled")
    UNBUNDLED = "unbundled", say("unbundled")
    RELEASED = "released", say("released")
    REPAID = "repaid", say("repaid")
    WRITTEN_OFF = "written_off", say("written off")
    WRITE_OFF_UNDONE = "write_off_undone", say("write off undone")
    REOPENED = "reopened", say("reopened")
    PAYOUT_UNDONE = "payout_undone", say("payout undone")


TRANSITIONS: dict[tuple[InvoiceStatus, InvoiceEvent], InvoiceStatus] = {
    (InvoiceStatus.APPROVED, InvoiceEvent.DELIVERED): InvoiceStatus.FINANCEABLE,
    (InvoiceStatus.FINANCEABLE, InvoiceEvent.HELD): InvoiceStatus.APPROVED,
    (InvoiceStatus.APPROVED, InvoiceEvent.CANCELLED): InvoiceStatus.CANCELLED,
    (InvoiceStatus.FINANCEABLE, InvoiceEvent.CANCELLED): InvoiceStatus.CANCELLED,
    (InvoiceStatus.FINANCEABLE, InvoiceEvent.BUNDLED): InvoiceStatus.BUNDLED,
    (InvoiceStatus.BUNDLED, InvoiceEvent.UNBUNDLED): InvoiceStatus.FINANCEABLE,
    (InvoiceStatus.BUNDLED, InvoiceEvent.RELEASED): InvoiceStatus.DISBURSED,
    (InvoiceStatus.DISBURSED, InvoiceEvent.REPAID): InvoiceStatus.REPAID,
    (InvoiceStatus.DISBURSED, InvoiceEvent.WRITTEN_OFF): InvoiceStatus.WRITTEN_OFF,
    (InvoiceStatus.REPAID, InvoiceEvent.REOPENED): InvoiceStatus.DISBURSED,
    (InvoiceStatus.WRITTEN_OFF, InvoiceEvent.WRITE_OFF_UNDONE): InvoiceStatus.DISBURSED,
    (InvoiceStatus.DISBURSED, InvoiceEvent.PAYOUT_UNDONE): InvoiceStatus.FINANCEABLE,
}

RESERVING = frozenset(
    {InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE, InvoiceStatus.BUNDLED, InvoiceStatus.DISBURSED}
)
"""Statuses in which an invoice's open principal counts as exposure."""

FINAL = frozenset(
    {InvoiceStatus.REJECTED, InvoiceStatus.REPAID, InvoiceStatus.WRITTEN_OFF, InvoiceStatus.CANCELLED}
)
"""Statuses in which an invoice ends. Only undoing leads out of one again: of a receipt or of a write-off."""


def next_status(status: InvoiceStatus, event: InvoiceEvent) -> InvoiceStatus:
    """The status that `event` leads to; raises `IllegalTransition` for a pair the table does not hold."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalTransition(
            say(
                "An invoice that is {status} cannot become {event}.",
                status=STATUS_SAID[status],
                event=event.words,
            ),
            status=str(status),
            event=str(event),
        ) from None
