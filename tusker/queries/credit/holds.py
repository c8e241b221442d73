"""Companies on hold, for being overdue too long or by an admin."""

from datetime import date

from sqlalchemy import NotNullable, select

from tusker.extensions import db
from tusker.models import Customer, PurchaserAccount, SupplierAccount


def holds_on(supplier_id: int, purchaser_id: int) -> list[tuple[str, date]]:
    """Which of the two companies of a line admits nothing new, by name, and since when; a company that is on hold for
    both reasons comes twice."""
    found = []
    for model, customer_id in ((SupplierAccount, supplier_id), (PurchaserAccount, purchaser_id)):
        for since in (model.on_hold_since, Customer.held_since):
            row = db.session.execute(
                select(Customer.name, NotNullable(since))
                .join(model, model.customer_id == Customer.id)
                .where(Customer.id == customer_id, since.is_not(None))
            ).first()
            if row is not None:
                found.append((row[0], row[1]))
    return found
