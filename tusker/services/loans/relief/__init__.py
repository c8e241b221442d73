"""Charges waived and due dates moved, and their undoing."""
