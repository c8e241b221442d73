"""The chain of seals, daily jobs, and what needs a person."""
