"""What the database lets the application change of rows that are facts: money that moved, the record of it, and who
people are."""

from __future__ import annotations

LEDGERS: dict[str, tuple[str, ...]] = {
    "events": (),
    "event_seals": (),
    "exposure_movements": (),
    "reserve_movements": (),
    "allocations": (),
    "adjustments": (),
    "claim_settlements": (),
    "bank_charges": ("statement_entry_id",),
    "receipts": ("reversed_on",),
    "credit_notes": (
        "state",
        "number",
        "number_strict",
        "number_loose",
        "settled_on",
        "before_payout",
        "principal_cut",
        "reserve_consumed",
        "claimed",
    ),
    "claims": ("state", "amount", "open_amount", "decided_at", "decided_by", "decision_reason"),
    "payables": ("open_amount",),
    "payable_lines": ("state", "reason", "payout_id", "booked_on"),
    "disbursal_lines": ("state", "reason", "principal", "payout_id", "deducted_interest", "deducted_fee"),
    "payouts": (
        "state",
        "reason",
        "bank_reference",
        "value_date",
        "bank_status",
        "bank_number",
        "settled_at",
        "settled_by",
        "statement_entry_id",
    ),
    "bank_accounts": ("state",),
    "users": ("password_hash", "active", "session_epoch", "last_login_at", "language"),
    "loans": (
        "platform_reference",
        "open_principal",
        "face_open",
        "due_date",
        "first_due_date",
        "closed_on",
        "written_off_on",
        "reversed_on",
        "recourse_on",
    ),
    "reliefs": ("state", "gives_up", "adjustment_id", "undone_on", "decision_reason"),
    "bank_statements": (),
    "statement_entries": (
        "state",
        "note",
        "instructed_amount",
        "loans_found",
        "receipt_id",
        "decided_at",
        "decided_by",
    ),
}
"""By table the columns that change after a row was added: states, links and what is still open. Everything else of a
row, and that it is there, the app's role cannot change (`services.record.app_role`): what was wrong is put right by a
contra row."""
