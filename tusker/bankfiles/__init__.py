"""Files for the bank and from it: values of `tusker.domain.banking` to bytes and back.

Writing (`pain001`, `bulk_csv`) is strict, because a bank refuses or misroutes what departs from its rules. Reading
(`statements`) is tolerant and reports what it skipped, because real statements depart from their schema.
"""
