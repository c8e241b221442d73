"""What all statuses have in common: a code that the database holds, and a tone in which pages show it."""

from enum import StrEnum
from typing import Self

from tusker.messages import Text


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


class Worded(StrEnum):
    """The base of codes that sentences name otherwise: their members are ``CODE = "code", say("words")``."""

    words: Text

    def __new__(cls, code: str, *words: Text) -> Self:
        named = str.__new__(cls, code)
        named._value_ = code
        (named.words,) = words
        return named
