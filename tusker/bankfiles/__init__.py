"""Files for the bank and from it: values of `tusker.domain.banking` to bytes and back.

Writing is strict, because a bank refuses or misroutes what strays: `pain001`, `bulk_csv`. Reading is tolerant and
reports what it skipped, because real statements stray from their schema: `statements`.
"""
