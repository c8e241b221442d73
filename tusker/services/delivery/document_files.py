"""Files of documents: what is taken, the command that scans them, and where their bytes are kept."""

import hashlib
import logging
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from tusker.domain.files import MediaType, media_type_of, name_to_show
from tusker.errors import InvalidInput
from tusker.extensions import db
from tusker.models import ShipmentDocument

log = logging.getLogger(__name__)

FIELD = "document"


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that may be kept: of a type that is taken, not too large, and clean as far as it was scanned."""

    name: str
    media_type: MediaType
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def largest() -> int:
    """How many bytes a document may have."""
    size: int = current_app.config["DOCUMENT_MAX_MB"] * 1024 * 1024
    return size


def too_large() -> InvalidInput:
    """The error of a document that is too large."""
    return InvalidInput(
        "A document may have at most {config} MB.", config=current_app.config["DOCUMENT_MAX_MB"], field=FIELD
    )


def check_file(name: str, content: bytes) -> CheckedFile:
    """A sent file, checked and scanned outside any transaction: rolls the open one back first.

    Raises `InvalidInput` naming `document`.
    """
    if not content:
        raise InvalidInput("The file is empty.", field=FIELD)
    if len(content) > largest():
        raise too_large()
    kind = media_type_of(content)
    if kind is None:
        raise InvalidInput("A document must be a PDF, PNG or JPEG file.", field=FIELD)
    _scan(content)
    return CheckedFile(name_to_show(name), kind, content)


def _scan(content: bytes) -> None:
    """Have the configured command look at a file on its standard input; anything but exit code 0 refuses it."""
    command = current_app.config["DOCUMENT_SCAN_COMMAND"]
    if not command:
        return
    db.session.rollback()  # no connection is held meanwhile
    try:
        found = subprocess.run(
            command,
            input=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=current_app.config["DOCUMENT_SCAN_SECONDS"],
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        log.error("a document was not scanned: %s", error)
        raise InvalidInput(
            "The file could not be scanned now, so it was not kept. Try again later.", field=FIELD
        ) from error
    if found.returncode != 0:
        log.warning("a document was refused by the scan with exit code %d", found.returncode)
        raise InvalidInput("The scan for harmful files refused this file; it was not kept.", field=FIELD)


def content_to_keep(file: CheckedFile) -> bytes | None:
    """What goes into the database: the file, or nothing once it lies in the folder for documents.

    There a file is named by its digest and comes into being whole: one left by a transaction that failed is the same
    file when it is sent again. One that lies there already is not written again.
    """
    folder = current_app.config["DOCUMENT_FOLDER"]
    if not folder:
        return file.content
    place = _place(file.digest)
    if place.is_file() and place.read_bytes() == file.content:
        return None
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".half-") as half:
        written = Path(half) / file.digest
        with written.open("wb") as out:
            out.write(file.content)
            out.flush()
            os.fsync(out.fileno())
        written.replace(place)
    return None


def content_of(document: ShipmentDocument) -> bytes:
    """The bytes of a document's file, from where they were kept; raises `RuntimeError` where they are others."""
    content = document.content
    if content is None:
        content = _place(document.digest).read_bytes()
    if hashlib.sha256(content).hexdigest() != document.digest:
        raise RuntimeError(f"the file of document {document.id} is not the one that was sent")
    return content


def _place(digest: str) -> Path:
    return Path(current_app.config["DOCUMENT_FOLDER"]) / digest[:2] / digest
