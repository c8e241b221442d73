"""One search over everything that has a name: exact names first, then names that contain the words, a few of each kind.

A person of a company finds its own side of its own company alone. Every kind is read by an index of its names, and
where there is none by the whole name only; words of fewer than three signs are whole names, for no index finds others.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, true, union_all
from sqlalchemy.orm import InstrumentedAttribute

from tusker.domain.numbers import strict_form
from tusker.domain.texts import is_id
from tusker.extensions import db
from tusker.models import (
    BankStatement,
    CreditLine,
    Customer,
    Disbursal,
    Invoice,
    Loan,
    Payout,
    Receipt,
    RecentThing,
    Shipment,
    StatementEntry,
    SupplierAccount,
    User,
)
from tusker.queries.columns import PURCHASER, SUPPLIER, between_companies
from tusker.queries.credit.invoices import Scope
from tusker.queries.searching import has

ORDER = [
    "invoice",
    "loan",
    "order",
    "payout",
    "receipt",
    "disbursal",
    "entry",
    "company",
    "partner",
    "person",
]
"""Of kinds that are found alike."""
FEW = 5
"""Found things of a kind, of each: exact ones and others."""
SHORTEST = 3
"""Signs from which on parts of names are looked for: those of a trigram."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found: `kind` and `key` say which page shows it."""

    kind: str
    key: int
    title: str
    detail: str
    exact: bool = False


def find(words: str, scope: Scope, *, staff: bool, carriers: Collection[str]) -> list[Hit]:
    """What is called so, or in part so, of what the person may see: exact ones first, then by kind. One query."""
    wanted = " ".join(words.split())
    if not wanted:
        return []
    kinds = [*_of_invoices(wanted, scope, carriers), *_of_payouts(wanted, scope, staff=staff)]
    if staff:
        kinds += _of_staff(wanted)
    elif len(wanted) >= SHORTEST:
        kinds.append(_partners(wanted, scope))
    # each part is limited by itself
    parts = [select(kind.subquery()) for kind in kinds]
    hits = [Hit(*row) for row in db.session.execute(union_all(*parts))]
    hits.sort(key=lambda hit: (not hit.exact, ORDER.index(hit.kind), -hit.key))
    once: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        once.setdefault((hit.kind, hit.key), hit)
    return list(once.values())


def recent(user_id: int) -> list[Hit]:
    """What the person looked at last, the latest first."""
    rows = db.session.execute(
        select(RecentThing.kind, RecentThing.key, RecentThing.title)
        .where(RecentThing.user_id == user_id)
        .order_by(RecentThing.seen_at.desc())
    )
    return [Hit(kind, key, title, "") for kind, key, title in rows]


def _of_invoices(words: str, scope: Scope, carriers: Collection[str]) -> Iterator[Select[*tuple[Any, ...]]]:
    """By number, by id, by the loan's id and the platform's, and by the order or parcel at the delivery company."""
    number = words.removeprefix("#")
    if words.startswith("#") and is_id(number):
        yield _invoices("Invoice " + words, scope, Invoice.id == int(number), exact=True)
    yield _invoices(Invoice.number, scope, Invoice.id.in_(_numbered(words, scope)), exact=True)
    loans = (Loan.invoice_id == Invoice.id) & Loan.reversed_on.is_(None)
    yield _invoices(Loan.reference, scope, Loan.reference == words, exact=True, loan=loans)
    orders = {words, words.upper(), words.lower()}
    parcel = (Shipment.invoice_id == Invoice.id) & Shipment.carrier.in_(carriers)
    yield _invoices(Shipment.order_ref, scope, Shipment.order_ref.in_(orders), exact=True, shipment=parcel)
    if len(words) >= SHORTEST:
        yield _invoices(Invoice.number, scope, has(words, Invoice.number))
        for column in (Loan.reference, Loan.platform_reference):
            yield _invoices(column, scope, has(words, column), loan=loans)


def _numbered(words: str, scope: Scope) -> Select[int]:
    """The ids of invoices with this number, in whatever case and with whatever signs between: a look for each supplier,
    since the index of numbers is by supplier; one by trigrams would read all that have one of them."""
    supplier = SupplierAccount.customer_id
    one = (
        select(Invoice.id)
        .where(Invoice.supplier_id == supplier, Invoice.number_strict == strict_form(words))
        .order_by(Invoice.id.desc())
        .limit(FEW)
        .lateral("one")
    )
    query = select(one.c.id).select_from(SupplierAccount).join(one, true())
    return query if scope.supplier_id is None else query.where(supplier == scope.supplier_id)


def _invoices(
    title: Any,
    scope: Scope,
    called: ColumnElement[bool],
    *,
    exact: bool = False,
    loan: ColumnElement[bool] | None = None,
    shipment: ColumnElement[bool] | None = None,
) -> Select[*tuple[Any, ...]]:
    kind = "invoice" if loan is None and shipment is None else "loan" if shipment is None else "order"
    detail = Invoice.number + ", " + SUPPLIER.name + " → " + PURCHASER.name
    query = (
        select(literal(kind), Invoice.id, literal(title) if isinstance(title, str) else title, detail)
        .add_columns(literal(exact))
        .select_from(Invoice)
        .join(SUPPLIER, SUPPLIER.id == Invoice.supplier_id)
        .join(PURCHASER, PURCHASER.id == Invoice.purchaser_id)
    )
    if loan is not None:
        query = query.join(Loan, loan)
    if shipment is not None:
        query = query.join(Shipment, shipment)
    own = between_companies(Invoice, scope.supplier_id, scope.purchaser_id)
    return query.where(called, *own).order_by(Invoice.id.desc()).limit(FEW)


def _of_payouts(words: str, scope: Scope, *, staff: bool) -> Iterator[Select[*tuple[Any, ...]]]:
    """What the bank paid, by our reference and the bank's (its UTR): staff all, a supplier its own."""
    if not staff and scope.supplier_id is None:
        return
    for column in (Payout.reference, Payout.bank_reference):
        query = (
            select(literal("payout"), Payout.disbursal_id, column, Disbursal.reference)
            .add_columns(literal(True))
            .join(Disbursal, Disbursal.id == Payout.disbursal_id)
            .where(column == words)
        )
        if scope.supplier_id is not None:
            query = query.where(Payout.supplier_id == scope.supplier_id)
        yield query.order_by(Payout.id.desc()).limit(FEW)


def _partners(words: str, scope: Scope) -> Select[*tuple[Any, ...]]:
    """The companies at the other end of one's credit lines."""
    mine, theirs = CreditLine.supplier_id, CreditLine.purchaser_id
    company = scope.supplier_id
    if company is None:
        mine, theirs, company = theirs, mine, scope.purchaser_id
    return (
        select(literal("partner"), Customer.id, Customer.name, literal("its invoices"), literal(False))
        .where(Customer.id.in_(select(theirs).where(mine == company)), has(words, Customer.name))
        .order_by(Customer.id.desc())
        .limit(FEW)
    )


def _of_staff(words: str) -> Iterator[Select[*tuple[Any, ...]]]:
    """Receipts, disbursals, entries of statements, companies and people."""
    yield _receipts(Receipt.bank_reference == words, exact=True)
    entry = (
        select(literal("entry"), StatementEntry.statement_id, StatementEntry.bank_reference)
        .add_columns(BankStatement.reference, literal(True))
        .join(BankStatement, BankStatement.id == StatementEntry.statement_id)
        .where(StatementEntry.bank_reference == words)
    )
    yield entry.order_by(StatementEntry.id.desc()).limit(FEW)
    if len(words) >= SHORTEST:
        yield _receipts(has(words, Receipt.bank_reference))
    yield _named("disbursal", Disbursal, words, Disbursal.reference, Disbursal.bank_reference)
    yield _named("company", Customer, words, Customer.name, Customer.reference, Customer.email)
    yield _named("person", User, words, User.name, User.email)


def _receipts(called: ColumnElement[bool], *, exact: bool = False) -> Select[*tuple[Any, ...]]:
    payment = func.coalesce(Receipt.of_receipt_id, Receipt.id)
    return (
        select(literal("receipt"), payment, Receipt.bank_reference, Customer.name, literal(exact))
        .join(Customer, Customer.id == Receipt.customer_id)
        .where(called)
        .order_by(Receipt.id.desc())
        .limit(FEW)
    )


def _named(
    kind: str, model: Any, words: str, *columns: InstrumentedAttribute[Any]
) -> Select[*tuple[Any, ...]]:
    """Of what there are few of: the name, and what else it is called."""
    title, *others = columns
    detail = func.concat_ws(", ", *others)
    exact = or_(*(func.lower(column) == words.lower() for column in columns))
    return (
        select(literal(kind), model.id, title, detail, func.coalesce(exact, False))
        .where(has(words, *columns))
        .order_by(exact.desc().nulls_last(), model.id.desc())
        .limit(FEW)
    )
