"""The kinds of trouble that a person has to look at, and what to do about each, in words."""

from enum import StrEnum
from typing import Self

from tusker.messages import say


class AttentionKind(StrEnum):
    """The kinds of trouble, the most pressing first: code, name, how pressing it is (a tone of the pages), and what to
    do."""

    words: str
    tone: str
    what_to_do: str

    def __new__(cls, code: str, *advice: str) -> Self:
        kind = str.__new__(cls, code)
        kind._value_ = code
        kind.words, kind.tone, kind.what_to_do = advice
        return kind

    STOP_PAYMENT = (
        "stop_payment",
        say("Returned while the bank pays"),
        "danger",
        say(
            "Stop the payment at the bank. Record it as rejected once the bank says so; if the money left anyway, a"
            " claim on the supplier opens automatically."
        ),
    )
    PAID_AFTER_ALL = (
        "paid_after_all",
        say("Paid although it was rejected"),
        "danger",
        say(
            "Compare with the bank. If the money left, mark the payout as paid after all on its disbursal: invoices"
            " still waiting become loans; if they were paid out again, the supplier has the money twice and it is"
            " deducted from its next payouts."
        ),
    )
    RETURNED_AFTER_PAYOUT = (
        "returned_after_payout",
        say("Returned after the payout"),
        "danger",
        say(
            "Decide the claim on the supplier. Once accepted, it is deducted from the next payouts, and what is"
            " deducted pays the loan."
        ),
    )
    RETURNED_BEFORE_PAYOUT = (
        "returned_before_payout",
        say("Returned before the payout"),
        "orange",
        say("No money left. Ask the supplier what happened, then settle this with a note."),
    )
    DISPUTED = (
        "disputed",
        say("Disputed by the purchaser"),
        "danger",
        say(
            "Resolve it with both companies. Before the payout: cancel the request, record a credit note, or overrule"
            " the dispute. In an approved disbursal: withdraw the approval and take it out."
        ),
    )
    NUMBER_ALIKE = (
        "number_alike",
        say("Looks like another invoice"),
        "danger",
        say(
            "Compare the two invoices. Cancel the request if they are the same, or confirm that they are different;"
            " until then it is not financed."
        ),
    )
    DELIVERED_BEFORE = (
        "delivered_before",
        say("Delivered before the invoice"),
        "danger",
        say(
            "Ask for a proof of this delivery: the tracking number may belong to an older parcel. Cancel the request,"
            " or accept the delivery; until then it is not financed."
        ),
    )
    ELSEWHERE = (
        "elsewhere",
        say("Parcel between other cities"),
        "danger",
        say(
            "Ask the supplier about this parcel: its cities are not those of the two companies. Add the city to the"
            " company, accept this one, or cancel the request; until then it is not financed."
        ),
    )
    VALUE_DIFFERS = (
        "value_differs",
        say("Declared value differs"),
        "orange",
        say(
            "Compare the invoice with the delivery. Record a credit note, cancel the request, or accept the difference."
        ),
    )
    HELD = (
        "held",
        say("Held before the payout"),
        "orange",
        say(
            "It waits until its hold is gone. Release it with a reason to have it paid out anyway, or cancel the"
            " request; in a disbursal, take it out."
        ),
    )
    BOOK_ALIKE = (
        "book_alike",
        say("Financed under another company?"),
        "orange",
        say(
            "Compare the two invoices with both companies. Cancel the request if they are the same; if they are"
            " different, settle this with a note."
        ),
    )
    NOTE_ALIKE = (
        "note_alike",
        say("Credit notes look alike"),
        "yellow",
        say(
            "Compare the two documents. If they are the same, undo the second; if they are different, settle this with"
            " a note."
        ),
    )
    CARRIER_FAILING = (
        "carrier_failing",
        say("Delivery company does not answer"),
        "danger",
        say(
            "Check its settings and its key, and test the connection. Nothing is lost: deliveries show up once it"
            " answers again."
        ),
    )
    DAILY_JOB_LATE = (
        "daily_job_late",
        say("Daily job is late"),
        "danger",
        say(
            "It is retried automatically. If it keeps failing, tell whoever runs the installation, and retry it once"
            " the cause is fixed."
        ),
    )
    SHIPMENT_EXCEPTION = (
        "shipment_exception",
        say("Problem with the delivery"),
        "orange",
        say("Ask the delivery company or the supplier what the problem is."),
    )
    UNKNOWN_STATUS = (
        "unknown_status",
        say("Unknown shipment status"),
        "yellow",
        say("Ask the delivery company what its status means; nothing is financed on it."),
    )
    UNANSWERED = (
        "unanswered",
        say("No answer about the shipment"),
        "yellow",
        say("Check the order reference at the delivery company, then check again."),
    )
    STALLED = (
        "stalled",
        say("Shipment does not move"),
        "yellow",
        say("Ask the supplier whether the goods left, or cancel the request to free the limits."),
    )
