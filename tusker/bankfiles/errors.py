"""What is raised about a bank file, either way."""

from __future__ import annotations

from tusker.errors import InvalidInput


class BankFileError(InvalidInput):
    """A payment order that no bank would take, or a statement that cannot be read (`field` is then `file`)."""

    code = "bank_file"


def unreadable(message: str) -> BankFileError:
    """The error for a statement file that cannot be taken."""
    return BankFileError(message, field="file")
