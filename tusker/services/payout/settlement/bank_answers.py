"""The bank's answer to a payment order: rejected payouts fail with its reason, accepted ones are marked."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import ColumnElement, or_, select

from tusker.currency import currency
from tusker.domain.bank.banking import ANSWERS, OrderAnswer, PaymentAnswer, answer_words
from tusker.errors import UnreadableFile
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Disbursal, PaymentReport, Payout, PayoutState
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import lock_disbursal
from tusker.services.payout.settlement.locks import lock_payouts
from tusker.services.payout.settlement.rejection import reject_locked

SETTLED = frozenset({"ACSC", "ACCC"})
"""Statuses after which nothing but a rejection can come."""
NO_REASON = say("the bank gives no reason")


@dataclass(slots=True)
class AnswerResult:
    """What an answer changed: references of payouts by what became of them. `notes` name what was not acted on."""

    disbursal_id: int
    disbursal: str
    repeated: bool = False
    rejected: dict[str, str] = field(default_factory=dict)
    """The bank's reasons by payout."""
    accepted: dict[str, str] = field(default_factory=dict)
    """The bank's codes by payout, pending ones too."""
    notes: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        if self.repeated:
            return say(
                "This answer to {disbursal} was read before; nothing was changed.", disbursal=self.disbursal
            )
        accepted, rejected = len(self.accepted), len(self.rejected)
        parts = [
            *([say("{n} accepted or under way", n=accepted)] if accepted else []),
            *([say("{n} rejected", n=rejected)] if rejected else []),
        ]
        head = say(
            "The bank answered for {disbursal}: {parts}.",
            disbursal=self.disbursal,
            parts=joined(parts) if parts else say("nothing new"),
        )
        reasons = [
            joined([reference, f"{reason}."], ": ") for reference, reason in sorted(self.rejected.items())
        ]
        return joined((head, *reasons, *self.notes), " ")


def take_answer(ctx: Context, answer: OrderAnswer, *, digest: str, file_name: str) -> AnswerResult:
    """Apply the bank's answer to one of our payment orders.

    Rejected payouts that wait for the bank fail with its reason, and their invoices wait to be financed again; others
    are marked with what the bank says. `digest` is the SHA-256 of the file: the same answer again changes nothing, also
    where it is written in another way. Raises `UnreadableFile` when the order is none of ours that was released.
    """
    disbursal = _order_of(answer)
    result = AnswerResult(disbursal.id, disbursal.reference)
    content = hashlib.sha256(json.dumps(asdict(answer), sort_keys=True).encode()).hexdigest()
    if _was_read(disbursal, or_(PaymentReport.digest == digest, PaymentReport.said == content)):
        result.repeated = True
        return result
    locked = lock_payouts([disbursal], Payout.disbursal_id == disbursal.id, Payout.net > 0)
    said_of = _said(answer, locked.payouts, result.notes)
    if _reference_was_used(disbursal, answer):
        if any(payout.bank_status != said.status for payout, said in said_of):
            raise UnreadableFile(
                "The bank answered {reference} under the id {reference_2} before, and this file "
                "says something else; nothing was changed. Ask the bank which of the two is right.",
                reference=disbursal.reference,
                reference_2=answer.reference,
            )
        result.repeated = True
        return result
    for payout, said in said_of:
        _apply(ctx, payout, said, result)
    _keep(ctx, disbursal, answer, digest, content, file_name)
    record_event(
        ctx,
        disbursal,
        "bank_answered",
        to_value=answer.status or None,
        reason=" ".join(filter(None, (answer.reference or file_name, answer.reason)))[:500],
        accepted=len(result.accepted),
        rejected=len(result.rejected),
        left_out=len(result.notes),
    )
    db.session.flush()
    return result


def _keep(
    ctx: Context, disbursal: Disbursal, answer: OrderAnswer, digest: str, content: str, file_name: str
) -> None:
    db.session.add(
        PaymentReport(
            disbursal_id=disbursal.id,
            digest=digest,
            said=content,
            reference=answer.reference,
            file_name=file_name[:200],
            at=ctx.now,
            imported_by=ctx.actor_id,
        )
    )


def _order_of(answer: OrderAnswer) -> Disbursal:
    """The disbursal that was sent as this order, locked."""
    disbursal_id = db.session.scalar(select(Disbursal.id).where(Disbursal.reference == answer.order))
    if disbursal_id is None:
        raise UnreadableFile(
            "The file answers the payment order {order}, which is none of ours; nothing was changed.",
            order=answer.order,
        )
    disbursal = lock_disbursal(disbursal_id)
    if disbursal.released_at is None:
        raise UnreadableFile(
            "The file answers the payment order {order}, which was not released; nothing was changed.",
            order=answer.order,
        )
    return disbursal


def _reference_was_used(disbursal: Disbursal, answer: OrderAnswer) -> bool:
    """Whether another file has the bank's id of this answer: mostly the same one, written again."""
    return answer.reference != "" and _was_read(disbursal, PaymentReport.reference == answer.reference)


def _was_read(disbursal: Disbursal, same: ColumnElement[bool]) -> bool:
    earlier = select(PaymentReport.id).where(PaymentReport.disbursal_id == disbursal.id, same)
    return db.session.scalar(earlier.limit(1)) is not None


def _said(
    answer: OrderAnswer, payouts: Mapping[int, Payout], notes: list[str]
) -> Sequence[tuple[Payout, PaymentAnswer]]:
    """What the bank says of each payout: of itself, else of the whole order; notes about what fits none."""
    by_reference = {payout.reference: payout for payout in payouts.values()}
    own: dict[str, PaymentAnswer] = {}
    unclear: set[str] = set()
    for said in answer.payments:
        payout = by_reference.get(said.reference)
        if payout is None:
            notes.append(
                say("{reference} is no payout of {order}.", reference=said.reference, order=answer.order)
                if said.reference
                else say("A payment without an id is no payout of {order}.", order=answer.order)
            )
        elif said.amount is not None and said.amount != payout.net:
            unclear.add(said.reference)
            notes.append(
                say(
                    "{reference} is {net}, not {amount}; left as it is.",
                    reference=said.reference,
                    net=currency().show(payout.net),
                    amount=currency().show(said.amount),
                )
            )
        elif said.reference in own and own[said.reference].status != said.status:
            unclear.add(said.reference)
            notes.append(
                say(
                    "The bank says both {status} and {other} of {reference}.",
                    status=said.status,
                    other=own[said.reference].status,
                    reference=said.reference,
                )
            )
        else:
            own[said.reference] = said
    whole = PaymentAnswer("", answer.status, answer.reason) if answer.status else None
    found = []
    for payout in sorted(payouts.values(), key=lambda payout: payout.id):
        answered = own.get(payout.reference, whole)
        if answered is not None and payout.reference not in unclear:
            found.append((payout, answered))
    return found


def _apply(ctx: Context, payout: Payout, said: PaymentAnswer, result: AnswerResult) -> None:
    meaning = ANSWERS.get(said.status)
    if meaning is None:
        result.notes.append(
            say(
                "“{status}” of {reference} is no status that is known; left as it is.",
                status=said.status,
                reference=payout.reference,
            )
            if said.status
            else say(
                "The bank says nothing of the status of {reference}; left as it is.",
                reference=payout.reference,
            )
        )
        return
    if payout.bank_status == said.status and payout.state != PayoutState.INSTRUCTED:
        return
    if meaning[0] != "rejected":
        _mark(ctx, payout, said, result)
    elif payout.state == PayoutState.INSTRUCTED:
        payout.bank_status = said.status
        reason = said.reason or f"{answer_words(said.status)}, {NO_REASON}"
        reject_locked(ctx, payout, reason)
        result.rejected[payout.reference] = reason
    else:
        result.notes.append(
            say(
                "The bank rejected {reference}, which is {state} already; compare with the statement.",
                reference=payout.reference,
                state=PayoutState(payout.state),
            )
        )


def _mark(ctx: Context, payout: Payout, said: PaymentAnswer, result: AnswerResult) -> None:
    """Keep what the bank says of a payout that it did not reject; the statement confirms it."""
    if payout.state == PayoutState.REJECTED:
        result.notes.append(
            say(
                "The bank accepted {reference}, which it had rejected; look at its disbursal.",
                reference=payout.reference,
            )
        )
        return
    known = not said.number or payout.bank_number == said.number
    if payout.bank_status == said.status and known:
        return
    if payout.bank_status in SETTLED and said.status not in SETTLED:
        result.notes.append(
            say(
                "The bank said {answer} of {reference} before; {status} is older.",
                answer=answer_words(payout.bank_status),
                reference=payout.reference,
                status=said.status,
            )
        )
        return
    before, payout.bank_status = payout.bank_status, said.status
    payout.bank_number = said.number or payout.bank_number
    result.accepted[payout.reference] = said.status
    told = (
        answer_words(said.status),
        said.reason,
        said.number and say("number {number}", number=said.number),
    )
    record_event(
        ctx,
        ("disbursal", payout.disbursal_id),
        "payout_answered",
        from_value=before,
        to_value=said.status,
        reason=f"{payout.reference}: {', '.join(filter(None, told))}"[:500],
        net=payout.net,
        supplier_id=payout.supplier_id,
    )
