"""What rules of risk are held against: the rules that stand, and how the companies of credit lines stand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from flask import current_app
from sqlalchemy import text

from tusker.currency import currency
from tusker.domain.credit.risk import Facts, Leeway, Rule, RuleKind, Scope, leeway
from tusker.domain.terms import Terms
from tusker.extensions import db
from tusker.prepared import Prepared


@dataclass(frozen=True, slots=True)
class LineFacts:
    """How a credit line and its companies stand on a day; money in minor units, `open` is reserved or lent."""

    id: int
    supplier_id: int
    supplier: str
    purchaser_id: int
    purchaser: str
    purchaser_open: int
    group_open: int
    """Of all purchasers of the purchaser's group; its own where it has none."""
    group: str
    """The group's name, or what stands for the purchaser alone."""
    book: int
    at_least: int
    """What the book counts as at least where shares of it are looked at, in minor units."""
    days_past_due: int
    """Of the oldest debt of either company."""
    first_deal: bool
    """Whether nothing was paid out on the line so far."""
    suspended: bool
    supplier_overdue: date | None
    """Since when the supplier is on hold for being overdue; and the purchaser."""
    purchaser_overdue: date | None
    supplier_held: str | None
    """Why an admin has the supplier on hold; and the purchaser."""
    purchaser_held: str | None

    def facts(
        self,
        *,
        amount: int,
        tenor_days: int,
        invoice_age: int | None,
        adding: int = 0,
        adding_to_group: int | None = None,
    ) -> Facts:
        """What an invoice of this line is judged by; `adding` is its principal where it does not count yet.

        Beside others that do not count yet it is all of the purchaser's, and `adding_to_group` all of its group's.
        """
        return Facts(
            amount=amount,
            tenor_days=tenor_days,
            invoice_age=invoice_age,
            days_past_due=self.days_past_due,
            purchaser_open=self.purchaser_open + adding,
            group_open=self.group_open + (adding if adding_to_group is None else adding_to_group),
            book=self.book + adding,
            at_least=self.at_least,
            first_deal=self.first_deal,
        )

    def leaves(self, rules: Collection[Rule], terms: Terms) -> Leeway:
        """What the rules leave to a new invoice on this line."""
        facts = self.facts(amount=0, tenor_days=terms.tenor_days, invoice_age=None)
        return leeway(facts, self.picks(rules), terms)

    def picks(self, rules: Collection[Rule]) -> list[Rule]:
        return [rule for rule in rules if rule.is_for(self.supplier_id, self.purchaser_id, self.id)]


_FACTS = Prepared(
    text(
        """
    SELECT c.id, c.supplier_id, s.name AS supplier, c.purchaser_id, p.name AS purchaser,
        pa.used_amount AS purchaser_open,
        COALESCE((
            SELECT sum(a.used_amount) FROM customers g JOIN purchaser_accounts a ON a.customer_id = g.id
            WHERE lower(g.group_name) = lower(p.group_name)
        ), pa.used_amount)::bigint AS group_open, COALESCE(lower(p.group_name), '#' || p.id) AS "group",
        (SELECT COALESCE(sum(used_amount), 0) FROM purchaser_accounts)::bigint AS book,
        GREATEST(0, CAST(:today AS date) - LEAST(
            (SELECT min(due_date) FROM loans WHERE closed_on IS NULL AND debtor_id = c.supplier_id),
            (SELECT min(due_date) FROM loans WHERE closed_on IS NULL AND debtor_id = c.purchaser_id)
        )) AS days_past_due,
        NOT EXISTS (
            SELECT 1 FROM invoices i
            WHERE i.credit_line_id = c.id AND i.status IN ('disbursed', 'repaid', 'written_off')
        ) AS first_deal, c.status = 'suspended' AS suspended,
        sa.on_hold_since AS supplier_overdue, pa.on_hold_since AS purchaser_overdue,
        s.held_reason AS supplier_held, p.held_reason AS purchaser_held
    FROM credit_lines c
    JOIN customers s ON s.id = c.supplier_id JOIN supplier_accounts sa ON sa.customer_id = c.supplier_id
    JOIN customers p ON p.id = c.purchaser_id JOIN purchaser_accounts pa ON pa.customer_id = c.purchaser_id
    WHERE c.id = ANY(:ids)
    """
    )
)


def line_facts(line_ids: Collection[int], today: date) -> dict[int, LineFacts]:
    """How credit lines and their companies stand now, by line."""
    db.session.flush()
    rows = _FACTS.rows(db.session.connection(), {"ids": sorted(set(line_ids)), "today": today})
    at_least = currency().minor(current_app.config["BOOK_AT_LEAST"])
    return {row.id: LineFacts(**row._asdict(), at_least=at_least) for row in rows}


_STANDING = Prepared(
    text(
        """
    SELECT kind, value, scope, scope_id FROM risk_rules
    WHERE ended_at IS NULL AND valid_from <= :day AND (valid_to IS NULL OR valid_to >= :day)
    """
    )
)


def rules_on(day: date) -> list[Rule]:
    db.session.flush()
    rows = _STANDING.rows(db.session.connection(), {"day": day})
    return [Rule(RuleKind(kind), value, Scope(scope), scope_id) for kind, value, scope, scope_id in rows]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with what it is for and who made and ended it, by name; None for a command."""

    rule: Rule
    id: int
    about: str
    """The name of the company or credit line; empty for everything."""
    valid_from: date
    valid_to: date | None
    reason: str
    made_at: datetime
    made_by: str | None
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None


_RULES = text(
    """
    SELECT r.kind, r.value, r.scope, r.scope_id, r.id,
        COALESCE(c.name, s.name || ' → ' || p.name, '') AS about, r.valid_from, r.valid_to, r.reason, r.made_at,
        m.name AS made_by, r.ended_at, e.name AS ended_by, r.end_reason
    FROM risk_rules r
    LEFT JOIN customers c ON c.id = r.scope_id AND r.scope IN ('supplier', 'purchaser')
    LEFT JOIN credit_lines l ON l.id = r.scope_id AND r.scope = 'credit_line'
    LEFT JOIN customers s ON s.id = l.supplier_id LEFT JOIN customers p ON p.id = l.purchaser_id
    LEFT JOIN users m ON m.id = r.made_by LEFT JOIN users e ON e.id = r.ended_by
    WHERE (r.ended_at IS NOT NULL) = :ended ORDER BY r.id DESC LIMIT :limit
    """
)


def rules_made(*, ended: bool, limit: int) -> list[RuleRow]:
    """The rules that were not ended, or those that were, the newest first."""
    rows = db.session.execute(_RULES, {"ended": ended, "limit": limit})
    return [
        RuleRow(Rule(RuleKind(kind), value, Scope(scope), scope_id), *rest)
        for kind, value, scope, scope_id, *rest in rows
    ]
