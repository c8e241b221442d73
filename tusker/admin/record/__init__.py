"""Pages of events, the proof and what needs a person."""
