"""Requests for financing, one or many in a call: what was asked before is answered again, the rest is decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tusker.api import inputs
from tusker.api.credit import serializers
from tusker.api.credit.shown import invoices_now
from tusker.api.credit.subject import fields_sent, name_field, read_subject
from tusker.api.problems import ApiError
from tusker.domain.delivery.shipments import TrackedOrder
from tusker.domain.numbers import loose_forms, strict_form
from tusker.errors import Conflict, Duplicate, TuskerError
from tusker.queries.api import Known, KnownAsk, known_requests
from tusker.services.context import Context
from tusker.services.credit.admission import Kept, Overtaken
from tusker.services.credit.requesting.financing import Ask, Decision, request_all, request_at_once
from tusker.services.credit.requesting.offers import Quote
from tusker.services.credit.requesting.subject import RequestSubject, fetch_subjects
from tusker.services.credit.risk.judging import asked_one_by_one
from tusker.services.delivery.conditions import open_at_request
from tusker.services.idempotency import KeyReused, KeyTaken, hash_input, keep_answers
from tusker.services.people.tokens import Caller
from tusker.transactions import transaction


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: what for, under which key, with the hash of its input."""

    subject: RequestSubject
    terms_version: int | None
    key: str | None
    input_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An invoice as JSON with the HTTP status of its answer; `replayed` when it was kept under the key."""

    status: int
    body: str
    invoice_id: int
    replayed: bool = False


Result = Answer | TuskerError | ApiError


def read_asked(supplier_id: int, body: inputs.InvoiceRequest, key: str | None) -> Asked:
    """What a body asks for; raises an error that names each field that cannot be taken."""
    subject = read_subject(supplier_id, body)
    input_hash = hash_input("POST /invoices", fields_sent(body, subject.carrier))
    return Asked(subject, body.terms_version, key, input_hash)


def answer_all(caller: Caller, asked: Sequence[Asked]) -> list[Result]:
    """Decide on requests in order, each as if it had come alone after those before it.

    What is known is answered before a delivery company is asked, so also while it is down. One transaction, or several
    where one request is about what another one was about.
    """
    known = None if caller.known is None else [caller.known]
    batch = _Batch(caller.supplier_id(), caller.context(), asked, known)
    for n, run in enumerate(batch.runs()):
        batch.decide(run, anew=n > 0)
    for n, answer in batch.answers.items():
        if isinstance(answer, TuskerError):
            name_field(answer, asked[n].subject.carrier)
    return [batch.answers[n] for n in range(len(asked))]


class _Batch:
    """The requests of a call, what is known of them and what was answered so far, by their place."""

    def __init__(
        self, supplier_id: int, ctx: Context, asked: Sequence[Asked], known: Sequence[Known] | None
    ) -> None:
        self.supplier_id, self.ctx, self.asked = supplier_id, ctx, asked
        self.answers: dict[int, Result] = {}
        self.live: dict[int, int | None] = {}
        self._look(range(len(asked)), known)
        new = [n for n, invoice_id in self.live.items() if invoice_id is None]
        told = fetch_subjects(ctx, [asked[n].subject for n in new])
        self.told: Mapping[int, TrackedOrder | TuskerError] = dict(zip(new, told, strict=True))

    def runs(self) -> list[list[int]]:
        """The requests that are not answered yet, in order and cut where one may be about what another one of its run
        is about."""
        open_ = [n for n in range(len(self.asked)) if n not in self.answers]
        if len(open_) < 2:
            return [[n] for n in open_]
        one_by_one = asked_one_by_one(self.ctx.today)
        found: list[list[int]] = []
        seen: set[object] = set()
        for n in open_:
            marks = self._marks(n)
            if not found or one_by_one or seen & marks:
                found.append([])
                seen = set()
            found[-1].append(n)
            seen |= marks
        # A key that was answered already may come again.
        return found

    def decide(self, run: Sequence[int], *, anew: bool) -> None:
        """Answer a run in one transaction; `anew` looks first at what is known by now."""
        straight = True
        while True:
            if anew:
                self._look(run)
            open_ = [n for n in run if n not in self.answers]
            try:
                if not open_ or (straight and len(open_) == 1 and self._at_once(open_[0])):
                    return
                with transaction():
                    answers = self._decide(open_)
                    self._keep(answers)
            except (KeyTaken, Overtaken):
                anew, straight = True, False
                continue
            self.answers.update(answers)
            return

    def _at_once(self, n: int) -> bool:
        """Whether a request could be approved by one statement, which most can; else nothing was done."""
        each, told = self.asked[n], self.told.get(n)
        if self.live.get(n) is not None or not isinstance(told, TrackedOrder):
            return False
        body = ""

        def kept(quote: Quote) -> Kept:
            nonlocal body
            body = _written(self.ctx, Decision(0, None, False, quote)).body
            return Kept(each.key, each.input_hash, body)

        ask = Ask(told, each.subject.entered, terms_version=each.terms_version)
        invoice_id = request_at_once(self.ctx, self.supplier_id, ask, source="api", kept=kept)
        if invoice_id is not None:
            self.answers[n] = Answer(201, body.replace('"id":0', f'"id":{invoice_id}', 1), invoice_id)
        return invoice_id is not None

    def _look(self, places: Iterable[int], found: Sequence[Known] | None = None) -> None:
        """Answer what was kept under its key, and note the live invoices of the others."""
        places = list(places)
        for n, known in zip(places, found or self._known(places, alone=True), strict=True):
            kept = known.kept
            if kept is None:
                self.live[n] = known.invoice_id
            elif kept.request_hash == self.asked[n].input_hash:
                self.answers[n] = Answer(kept.status, kept.response, kept.invoice_id, replayed=True)
            else:
                self.answers[n] = KeyReused(
                    "This idempotency key was used for another request.", field="Idempotency-Key"
                )

    def _known(self, places: Sequence[int], *, alone: bool) -> list[Known]:
        return known_requests(
            self.supplier_id,
            [_known_ask(self.asked[n].subject, self.asked[n].key) for n in places],
            alone=alone,
        )

    def _marks(self, n: int) -> set[object]:
        """What a request may have in common with another one: key, number and looks, names of its parcel."""
        each, told = self.asked[n], self.told.get(n)
        names = {each.subject.ref}
        if isinstance(told, TrackedOrder):
            names |= {told.ref, *told.aliases}
        marks: set[object] = {("number", strict_form(each.subject.number))}
        marks |= {("looks", form) for form in loose_forms(each.subject.number)}
        marks |= {("name", name.rpartition("/")[2].strip().upper()) for name in names}
        return marks if each.key is None else {*marks, ("key", each.key)}

    def _decide(self, places: Sequence[int]) -> dict[int, Result]:
        answers: dict[int, Result] = {}
        found: dict[int, int] = {}
        asks: dict[int, Ask] = {}
        for n in places:
            each, told = self.asked[n], self.told.get(n)
            if (invoice_id := self.live.get(n)) is not None:
                found[n] = invoice_id
            elif told is None:
                answers[n] = _gone()
            elif isinstance(told, TuskerError):
                answers[n] = told
            else:
                asks[n] = Ask(told, each.subject.entered, terms_version=each.terms_version)
        made: dict[int, Result] = {}
        decisions = request_all(self.ctx, self.supplier_id, list(asks.values()), source="api")
        for n, decision in zip(asks, decisions, strict=True):
            if isinstance(decision, TuskerError):
                answers[n] = decision
            elif decision.replayed:
                found[n] = decision.invoice_id
            else:
                made[n] = _written(self.ctx, decision)
        found |= self._repeated(answers)
        return answers | made | self._read(found)

    def _repeated(self, answers: Mapping[int, Result]) -> dict[int, int]:
        """The live invoices of those that are the same request and no mere duplicates."""
        doubled = [n for n, answer in answers.items() if isinstance(answer, Duplicate)]
        known = self._known(doubled, alone=False) if doubled else []
        return {n: k.invoice_id for n, k in zip(doubled, known, strict=True) if k.invoice_id is not None}

    def _read(self, found: Mapping[int, int]) -> dict[int, Result]:
        """The answers of invoices that there were, as they stand now."""
        if not found:
            return {}
        shown = invoices_now(self.supplier_id, set(found.values()), self.ctx.today)
        return {
            n: Answer(200, shown[invoice_id].model_dump_json(), invoice_id)
            if invoice_id in shown
            else _gone()
            for n, invoice_id in found.items()
        }

    def _keep(self, answers: Mapping[int, Result]) -> None:
        kept = [
            (key, self.asked[n].input_hash, answer.status, answer.body)
            for n, answer in answers.items()
            if (key := self.asked[n].key) is not None and isinstance(answer, Answer)
        ]
        keep_answers(self.ctx, self.supplier_id, kept)


def known_ask(body: inputs.InvoiceRequest, key: str | None) -> KnownAsk:
    """What is looked for of a request before it is known whose it is; raises as `read_asked`."""
    return _known_ask(read_subject(0, body), key)


def _known_ask(subject: RequestSubject, key: str | None) -> KnownAsk:
    entered = subject.entered
    return KnownAsk(
        key=key,
        number=subject.number,
        carrier=subject.carrier.name,
        ref=subject.ref,
        line_id=entered.credit_line_id if entered else None,
        amount=entered.amount if entered else None,
    )


def _written(ctx: Context, decision: Decision) -> Answer:
    """The answer of a new invoice, from what was admitted."""
    quote = decision.quote
    waits = open_at_request(quote.wishes, quote.amount, alike=quote.alike) if decision.approved else ()
    return Answer(201, serializers.decided(decision, ctx.now, waits).model_dump_json(), decision.invoice_id)


def _gone() -> Conflict:
    return Conflict("The invoice of this order was cancelled at this moment. Ask again.")
