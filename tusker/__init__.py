"""Tusker: the desk of a lender that finances invoices."""

import gc

# Nothing of what a start loads is garbage, and looking for it again and again would be a fifth of the time until the
# first answer. `tusker.app`, which everything leads to, switches it on again.
gc.disable()
