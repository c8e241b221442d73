"""Use cases about delivery companies: their settings, and the gate that all questions to them pass."""
