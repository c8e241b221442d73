"""Keeping the counts of invoices by companies and status short."""

from sqlalchemy import text

from tusker.extensions import db
from tusker.services.locks import AdvisoryLock, try_lock

_MERGE = text(
    """
    WITH gone AS (DELETE FROM invoice_counts WHERE NOT merged RETURNING *)
    INSERT INTO invoice_counts AS c (supplier_id, purchaser_id, status, invoices, principal, merged)
    SELECT supplier_id, purchaser_id, status, sum(invoices), sum(principal), true FROM gone GROUP BY 1, 2, 3
    ON CONFLICT (supplier_id, purchaser_id, status) WHERE merged
    DO UPDATE SET invoices = c.invoices + EXCLUDED.invoices, principal = c.principal + EXCLUDED.principal
    """
)


def merge_counts() -> None:
    """Add what changed to the one row of each companies and status, unless another worker is at it.

    Those who change invoices never wait for this: they only add rows.
    """
    if try_lock(AdvisoryLock.INVOICE_COUNTS):
        db.session.execute(_MERGE)
