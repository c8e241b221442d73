"""What stops the payout of an invoice although its conditions hold: a company on hold or overdue, its credit line
suspended, or a rule of risk."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import ColumnElement, or_, select, text

from tusker.domain.approval import Shown
from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.domain.credit.risk import AMOUNTS, Rule, RuleKind, Verdict, judge
from tusker.domain.record.attention import AttentionKind
from tusker.errors import Conflict, OnHold
from tusker.extensions import db
from tusker.messages import joined, say
from tusker.models import Customer, Disbursal, DisbursalLine, DisbursalStatus, HoldRelease, Invoice, LineState
from tusker.prepared import Prepared
from tusker.queries.credit.risk import LineFacts, line_facts, rules_on
from tusker.services.attention import review_found, settle_items_of
from tusker.services.context import Context
from tusker.services.credit.risk.judging import RuleLine, broken_words, in_words
from tusker.services.events import record_event
from tusker.services.locks import among, lock_invoice
from tusker.services.proposals import needs_second, second_admin
from tusker.services.reasons import reason_of
from tusker.services.seen import Seen, check_seen

HELD_SHOWN = 20
"""Of the invoices on hold that a page shows with what can be done about them."""
FAR = 10**18
"""Orders what knows no room behind all that does."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that stands against paying an invoice of a line out, a broken rule or what the line's companies do;
    `key` names it in `HoldRelease.holds`."""

    key: str
    line: LineFacts
    rule: Rule | None = None

    @property
    def words(self) -> str:
        """What people are told; of a thousand that are held few are looked at."""
        return broken_words(self.rule, self.line) if self.rule else _holds_of_line(self.line)[self.key]


Held = dict[int, list[Hold]]
"""Holds by invoice; invoices that may be paid out are missing."""


Judged = list[tuple[Sequence[int], str, LineFacts, list[Verdict]]]
"""The invoices of which the rules say the same, with the number of one of them, how their line stands, and the
verdicts."""


def judged_of(ctx: Context, invoice_ids: Collection[int]) -> Judged:
    """What the rules say of these invoices now."""
    return _judged(ctx, _CHOSEN, ids=list(invoice_ids)) if invoice_ids else []


def holds_of(ctx: Context, invoice_ids: Collection[int], judged: Judged | None = None) -> Held:
    """What stands against paying these invoices out now, without what they were released from; `judged` is of them
    where the caller has it already."""
    judged = judged_of(ctx, invoice_ids) if judged is None else judged
    return _held(judged, among(Invoice.id, invoice_ids))


def waiting_held(ctx: Context) -> Held:
    """What stands against the invoices that wait to be financed."""
    return _held(_judged(ctx, _WAITING), Invoice.status == InvoiceStatus.FINANCEABLE)


def _held(judged: Judged, which: ColumnElement[bool]) -> Held:
    said: Held = {}
    for ids, _, line, verdicts in judged:
        holds = [Hold(key, line) for key in _holds_of_line(line)]
        holds += [Hold(str(v.rule.kind), line, v.rule) for v in verdicts if not v.holds]
        if holds:
            said |= dict.fromkeys(ids, holds)
    released = _released(which) if said else {}
    standing = {
        key: [hold for hold in holds if hold.key not in released.get(key, ())] for key, holds in said.items()
    }
    return {key: holds for key, holds in standing.items() if holds}


def rooms_of(judged: Judged) -> list[tuple[str, RuleLine]]:
    """What each kind of rule says of invoices: of all that it judges the one with the least room, by number."""
    least: dict[RuleKind, tuple[tuple[bool, int], str, Verdict, LineFacts]] = {}
    for _, number, line, verdicts in judged:
        for verdict in verdicts:
            kind, order = verdict.rule.kind, (verdict.holds, FAR if verdict.room is None else verdict.room)
            if kind not in least or order < least[kind][0]:
                least[kind] = (order, number, verdict, line)
    tightest = (least[kind] for kind in RuleKind if kind in least)
    return [(number, in_words(verdict, line)) for _, number, verdict, line in tightest]


# What no rule asks of an invoice tells none apart.
_ALIKE = """
    SELECT array_agg(id) AS ids, min(number) AS number, credit_line_id,
        CASE WHEN :by_amount THEN amount ELSE 0 END AS worth, CASE WHEN :by_tenor THEN tenor_days ELSE 0 END AS tenor,
        CASE WHEN :by_age THEN CAST(requested_at AT TIME ZONE :zone AS date) - invoice_date END AS age
    FROM invoices WHERE {} GROUP BY credit_line_id, worth, tenor, age
    """
_CHOSEN = Prepared(text(_ALIKE.format("id = ANY(CAST(:ids AS bigint[]))")))
_WAITING = Prepared(text(_ALIKE.format("status = 'financeable'")))


def _judged(ctx: Context, which: Prepared, **chosen: list[int]) -> Judged:
    """Three statements for all."""
    standing = _rules(ctx)
    kinds = {rule.kind for rule in standing}
    asked = {
        "by_amount": not kinds.isdisjoint(AMOUNTS),
        "by_tenor": RuleKind.TENOR in kinds,
        "by_age": RuleKind.INVOICE_AGE in kinds,
        "zone": current_app.config["TIMEZONE"].key,
    }
    groups = which.rows(db.session.connection(), {**asked, **chosen})
    lines = line_facts({row.credit_line_id for row in groups}, ctx.today)
    rules = {line.id: line.picks(standing) for line in lines.values()}
    judged: Judged = []
    for ids, number, line_id, amount, tenor_days, age in groups:
        facts = lines[line_id].facts(amount=amount, tenor_days=tenor_days, invoice_age=age)
        judged.append((ids, number, lines[line_id], judge(facts, rules[line_id])))
    return judged


def _rules(ctx: Context) -> list[Rule]:
    """The rules that stand; `HOLD_AFTER_DAYS` is one more, so that what became overdue since the last servicing counts
    too."""
    after = current_app.config["HOLD_AFTER_DAYS"]
    return rules_on(ctx.today) + ([] if after is None else [Rule(RuleKind.DAYS_PAST_DUE, after)])


def _holds_of_line(line: LineFacts) -> dict[str, str]:
    """What stands against all invoices of a line, in words by key."""
    found: dict[str, str] = {}
    if line.suspended:
        found["line_suspended"] = say(
            "{supplier}'s credit line with {purchaser} is suspended",
            supplier=line.supplier,
            purchaser=line.purchaser,
        )
    for side, name, overdue, reason in (
        ("supplier", line.supplier, line.supplier_overdue, line.supplier_held),
        ("purchaser", line.purchaser, line.purchaser_overdue, line.purchaser_held),
    ):
        if overdue is not None:
            found[f"{side}_overdue"] = say("{name} is on hold since {day}: overdue", name=name, day=overdue)
        if reason is not None:
            found[f"{side}_held"] = say("an admin has {name} on hold: {reason}", name=name, reason=reason)
    return found


def _released(which: ColumnElement[bool]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    released = select(HoldRelease.invoice_id, HoldRelease.holds)
    for invoice_id, holds in db.session.execute(released.join(Invoice).where(which)):
        found.setdefault(invoice_id, set()).update(holds)
    return found


def words_of(holds: Collection[Hold]) -> str:
    """What stands against an invoice, in one line."""
    return joined((hold.words for hold in holds), "; ")


def check_not_held(ctx: Context, invoice_ids: Collection[int]) -> None:
    """Raise `OnHold` naming the invoices that may not be paid out, and why."""
    held = holds_of(ctx, invoice_ids)
    if not held:
        return
    rows = db.session.execute(select(Invoice.id, Invoice.number).where(among(Invoice.id, held)))
    numbers = {row.id: row.number for row in rows}
    listed = [f"{numbers[key]} ({words_of(held[key])})" for key in sorted(held)]
    more = "; …" if len(listed) > 5 else ""
    raise OnHold(
        "On hold: {listed}{more}. Leave it out, or have it released from the hold first.",
        listed=joined(listed[:5], "; "),
        more=more,
        numbers=[numbers[key] for key in sorted(held)],
    )


def check_payees(supplier_ids: Iterable[int]) -> None:
    """Raise `OnHold` naming the suppliers to whom nothing is passed on, because an admin has them on hold."""
    if not (ids := set(supplier_ids)):
        return
    held = select(Customer.name).where(Customer.id.in_(ids), Customer.held_since.is_not(None))
    if names := db.session.scalars(held.order_by(Customer.name)).all():
        raise OnHold(
            "On hold: {names}. Hold back what is to be passed on, or have the hold lifted first.",
            names=", ".join(names),
            suppliers=list(names),
        )


def shown_holds(number: str, words: str) -> Shown:
    """What holds an invoice, as pages show it."""
    return Shown(say("Holds of {name}", name=number), words)


@needs_second(say("Release an invoice from its holds"), about="invoice")
def release_hold(ctx: Context, invoice_id: int, *, reason: str, seen: Seen = None) -> HoldRelease:
    """Let an invoice be paid out although it is held; what comes to stand against it later holds it again.

    Raises `Changed` unless its holds are those that were `seen`.
    """
    why = reason_of(reason)
    invoice = lock_invoice(invoice_id)
    holds = holds_of(ctx, [invoice_id]).get(invoice_id)
    if (
        invoice.status not in {InvoiceStatus.APPROVED, InvoiceStatus.FINANCEABLE, InvoiceStatus.BUNDLED}
        or not holds
    ):
        raise Conflict("Nothing holds {invoice_number} back.", invoice_number=invoice.number)
    check_seen(seen, [shown_holds(invoice.number, words_of(holds))], whole=False)
    proposer = ctx.proposed_by if ctx.proposed_by is not None else ctx.actor_id
    release = HoldRelease(
        invoice_id=invoice_id,
        holds=[hold.key for hold in holds],
        reason=why,
        second_admin=second_admin() and ctx.proposed_by is not None,
        made_by=proposer,
        accepted_by=ctx.actor_id,
        at=ctx.now,
    )
    db.session.add(release)
    record_event(ctx, ("invoice", invoice_id), "hold_released", to_value=words_of(holds), reason=why)
    settle_items_of(ctx, AttentionKind.HELD, invoice_id, say("released: {why}", why=why))
    db.session.flush()
    return release


def review_held(ctx: Context) -> None:
    """Open an item of attention for every delivered invoice that is held, and close those whose hold is gone."""
    waiting = (
        select(Invoice.id, Invoice.financeable_at, Invoice.principal)
        .outerjoin(
            DisbursalLine,
            (DisbursalLine.invoice_id == Invoice.id) & (DisbursalLine.state == LineState.INCLUDED),
        )
        .outerjoin(Disbursal, Disbursal.id == DisbursalLine.disbursal_id)
        .where(
            or_(
                Invoice.status == InvoiceStatus.FINANCEABLE,
                (Invoice.status == InvoiceStatus.BUNDLED)
                & Disbursal.status.in_([DisbursalStatus.DRAFT, DisbursalStatus.APPROVED]),
            )
        )
    )
    rows = {row.id: row for row in db.session.execute(waiting)}
    found = [
        {
            "id": key,
            "at": rows[key].financeable_at.isoformat(),
            "detail": words_of(holds),
            "facts": {"principal": rows[key].principal},
        }
        for key, holds in holds_of(ctx, rows).items()
    ]
    review_found(ctx, AttentionKind.HELD, found)
