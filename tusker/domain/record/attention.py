"""The kinds of trouble that a person has to look at, and what to do about each, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tusker.messages import say


class AttentionKind(StrEnum):
    """The kinds of trouble, the most pressing first."""

    STOP_PAYMENT = "stop_payment"
    PAID_AFTER_ALL = "paid_after_all"
    RETURNED_AFTER_PAYOUT = "returned_after_payout"
    RETURNED_BEFORE_PAYOUT = "returned_before_payout"
    DISPUTED = "disputed"
    NUMBER_ALIKE = "number_alike"
    DELIVERED_BEFORE = "delivered_before"
    ELSEWHERE = "elsewhere"
    VALUE_DIFFERS = "value_differs"
    HELD = "held"
    BOOK_ALIKE = "book_alike"
    NOTE_ALIKE = "note_alike"
    CARRIER_FAILING = "carrier_failing"
    DAILY_JOB_LATE = "daily_job_late"
    SHIPMENT_EXCEPTION = "shipment_exception"
    UNKNOWN_STATUS = "unknown_status"
    UNANSWERED = "unanswered"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Advice:
    """The name of a kind, how pressing it is (a tone of the pages), and what to do."""

    title: str
    tone: str
    what_to_do: str


ADVICE: Mapping[AttentionKind, Advice] = {
    AttentionKind.STOP_PAYMENT: Advice(
        say("Returned while the bank pays"),
        "danger",
        say(
            "Stop the payment at the bank. Record it as rejected once the bank says so; if the money left anyway, a"
            " claim on the supplier opens automatically."
        ),
    ),
    AttentionKind.PAID_AFTER_ALL: Advice(
        say("Paid although it was rejected"),
        "danger",
        say(
            "Compare with the bank. If the money left, mark the payout as paid after all on its disbursal: invoices"
            " still waiting become loans; if they were paid out again, the supplier has the money twice and it is"
            " deducted from its next payouts."
        ),
    ),
    AttentionKind.RETURNED_AFTER_PAYOUT: Advice(
        say("Returned after the payout"),
        "danger",
        say(
            "Decide the claim on the supplier. Once accepted, it is deducted from the next payouts, and what is"
            " deducted pays the loan."
        ),
    ),
    AttentionKind.RETURNED_BEFORE_PAYOUT: Advice(
        say("Returned before the payout"),
        "orange",
        say("No money left. Ask the supplier what happened, then settle this with a note."),
    ),
    AttentionKind.DISPUTED: Advice(
        say("Disputed by the purchaser"),
        "danger",
        say(
            "Resolve it with both companies. Before the payout: cancel the request, record a credit note, or overrule"
            " the dispute. In an approved disbursal: withdraw the approval and take it out."
        ),
    ),
    AttentionKind.VALUE_DIFFERS: Advice(
        say("Declared value differs"),
        "orange",
        say(
            "Compare the invoice with the delivery. Record a credit note, cancel the request, or accept the difference."
        ),
    ),
    AttentionKind.HELD: Advice(
        say("Held before the payout"),
        "orange",
        say(
            "It waits until its hold is gone. Release it with a reason to have it paid out anyway, or cancel the"
            " request; in a disbursal, take it out."
        ),
    ),
    AttentionKind.NUMBER_ALIKE: Advice(
        say("Looks like another invoice"),
        "danger",
        say(
            "Compare the two invoices. Cancel the request if they are the same, or confirm that they are different;"
            " until then it is not financed."
        ),
    ),
    AttentionKind.DELIVERED_BEFORE: Advice(
        say("Delivered before the invoice"),
        "danger",
        say(
            "Ask for a proof of this delivery: the tracking number may belong to an older parcel. Cancel the request,"
            " or accept the delivery; until then it is not financed."
        ),
    ),
    AttentionKind.ELSEWHERE: Advice(
        say("Parcel between other cities"),
        "danger",
        say(
            "Ask the supplier about this parcel: its cities are not those of the two companies. Add the city to the"
            " company, accept this one, or cancel the request; until then it is not financed."
        ),
    ),
    AttentionKind.BOOK_ALIKE: Advice(
        say("Financed under another company?"),
        "orange",
        say(
            "Compare the two invoices with both companies. Cancel the request if they are the same; if they are"
            " different, settle this with a note."
        ),
    ),
    AttentionKind.NOTE_ALIKE: Advice(
        say("Credit notes look alike"),
        "yellow",
        say(
            "Compare the two documents. If they are the same, undo the second; if they are different, settle this with"
            " a note."
        ),
    ),
    AttentionKind.CARRIER_FAILING: Advice(
        say("Delivery company does not answer"),
        "danger",
        say(
            "Check its settings and its key, and test the connection. Nothing is lost: deliveries show up once it"
            " answers again."
        ),
    ),
    AttentionKind.DAILY_JOB_LATE: Advice(
        say("Daily job is late"),
        "danger",
        say(
            "It is retried automatically. If it keeps failing, tell whoever runs the installation, and retry it once"
            " the cause is fixed."
        ),
    ),
    AttentionKind.SHIPMENT_EXCEPTION: Advice(
        say("Problem with the delivery"),
        "orange",
        say("Ask the delivery company or the supplier what the problem is."),
    ),
    AttentionKind.UNKNOWN_STATUS: Advice(
        say("Unknown shipment status"),
        "yellow",
        say("Ask the delivery company what its status means; nothing is financed on it."),
    ),
    AttentionKind.UNANSWERED: Advice(
        say("No answer about the shipment"),
        "yellow",
        say("Check the order reference at the delivery company, then check again."),
    ),
    AttentionKind.STALLED: Advice(
        say("Shipment does not move"),
        "yellow",
        say("Ask the supplier whether the goods left, or cancel the request to free the limits."),
    ),
}
