"""What all statuses have in common: a code that the database holds, and a tone in which pages show it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Tone(StrEnum):
    """The colours of statuses, as the style sheet names them."""

    GREY = "grey"
    BLUE = "blue"
    AZURE = "azure"
    INDIGO = "indigo"
    TEAL = "teal"
    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"
    PINK = "pink"


class Status(StrEnum):
    """The base of every status: its members are ``CODE = "code", Tone.BLUE``."""

    tone: Tone

    def __new__(cls, code: str, *tone: Tone) -> Self:
        # starred, since to mypy InvoiceStatus("approved") calls this too; a member without a tone is an error
        status = str.__new__(cls, code)
        status._value_ = code
        (status.tone,) = tone
        return status
