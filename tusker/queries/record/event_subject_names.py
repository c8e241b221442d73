"""The names of the things that events are about."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, func, select

from tusker.extensions import db
from tusker.messages import coded
from tusker.models import (
    BankStatement,
    CarrierSetting,
    CreditLine,
    Customer,
    Disbursal,
    Event,
    Invoice,
    Proposal,
    Receipt,
    RiskRule,
    StatementEntry,
    StatementProfile,
    User,
)
from tusker.queries.columns import PURCHASER, SUPPLIER

_NAMES: dict[str, Select[*tuple[Any, ...]]] = {
    "invoice": select(Invoice.id, Invoice.number),
    "customer": select(Customer.id, Customer.name),
    "disbursal": select(Disbursal.id, Disbursal.reference),
    "statement": select(
        BankStatement.id, func.coalesce(func.nullif(BankStatement.reference, ""), BankStatement.file_name)
    ),
    "statement_entry": select(
        StatementEntry.id,
        func.coalesce(func.nullif(StatementEntry.bank_reference, ""), StatementEntry.counterparty),
    ),
    "receipt": select(Receipt.id, Receipt.bank_reference),
    "proposal": select(
        Proposal.id, func.coalesce(Proposal.changes[0]["name"].astext, Proposal.changes[0]["to"].astext)
    ),
    "statement_profile": select(StatementProfile.id, StatementProfile.file_name),
    "user": select(User.id, User.name),
    "risk_rule": select(RiskRule.id, RiskRule.kind),
    "carrier": select(CarrierSetting.id, CarrierSetting.carrier),
    "credit_line": select(CreditLine.id, SUPPLIER.name + " → " + PURCHASER.name)
    .join(SUPPLIER, SUPPLIER.id == CreditLine.supplier_id)
    .join(PURCHASER, PURCHASER.id == CreditLine.purchaser_id),
}


def names_of_subjects(events: Iterable[Event | Proposal]) -> dict[tuple[str, int], str]:
    """The name of each event's or proposal's subject by (subject, id): one query a kind of subject, however many."""
    wanted: dict[str, set[int]] = {}
    for event in events:
        if event.subject_id is not None:
            wanted.setdefault(event.subject, set()).add(event.subject_id)
    names: dict[tuple[str, int], str] = {}
    for subject, ids in wanted.items():
        query = _NAMES.get(subject)
        if query is None:
            continue
        id_column = query.selected_columns[0]
        for found_id, name in db.session.execute(query.where(id_column.in_(ids))):
            names[subject, found_id] = coded(name) if subject == "risk_rule" else name
    return names
