"""Events and their seals, daily runs, proposals, the outbox and what needs a person."""
