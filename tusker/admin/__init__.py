"""Pages of the lender's own people: dashboard, queue, disbursals, repayments, proof, users, imports."""
