"""What kind of file some bytes are, by the bytes alone: neither its name nor what its sender calls it counts."""

import re
from enum import StrEnum

from tusker.domain.texts import one_line

LONGEST_NAME = 200
_UNWRITTEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class MediaType(StrEnum):
    """The types of documents that are taken."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"


_MARKS = (
    (MediaType.PDF, re.compile(rb"%PDF-[12]\.\d")),
    (MediaType.PNG, re.compile(rb"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")),
    (MediaType.JPEG, re.compile(rb"\xff\xd8\xff[\xc0-\xfe]")),
)
ENDINGS = {MediaType.PDF: "pdf", MediaType.PNG: "png", MediaType.JPEG: "jpg"}


def media_type_of(content: bytes) -> MediaType | None:
    """The type that a file's first bytes are marked as; None for every other."""
    return next((kind for kind, mark in _MARKS if mark.match(content)), None)


def name_to_show(given: str) -> str:
    """What its sender called a file, as words to show: the last part of a path, on one line."""
    last = re.split(r"[\\/]", _UNWRITTEN.sub("", one_line(given)))[-1]
    return last[:LONGEST_NAME].strip() or "document"
