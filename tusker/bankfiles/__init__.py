"""Files for the bank and from it: values of `tusker.domain.bank.banking` to bytes and back.

Writing (`payments`) is strict, because a bank refuses or misroutes what departs from its rules. Reading (`statements`,
which asks `camt`, `mt940`, `ofx` and `tables`) is tolerant and reports what it skipped, because real statements depart
from their schema.
"""
