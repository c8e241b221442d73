"""What the navigation's counts show."""

from sqlalchemy import func, select

from tusker.domain.credit.lifecycle import InvoiceStatus
from tusker.extensions import db
from tusker.models import AttentionItem, InvoiceCount, Proposal, ProposalState


def waiting_for_staff() -> tuple[int, int, int]:
    """Open items of attention, proposals to approve, and invoices to be financed, in one round trip; the last from the
    kept counts."""
    found = db.session.execute(
        select(
            select(func.count()).where(AttentionItem.resolved_at.is_(None)).scalar_subquery(),
            select(func.count()).where(Proposal.state == ProposalState.OPEN).scalar_subquery(),
            select(func.sum(InvoiceCount.invoices))
            .where(InvoiceCount.status == InvoiceStatus.FINANCEABLE)
            .scalar_subquery(),
        )
    ).one()
    attention, to_approve, to_finance = (int(count or 0) for count in found)
    return attention, to_approve, to_finance
