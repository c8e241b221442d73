"""Drafts of disbursals: invoices bundled, taken out, given up."""
