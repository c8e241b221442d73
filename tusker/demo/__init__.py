"""The demo: a lender's desk of the last five months, made by running the real services in the past."""
