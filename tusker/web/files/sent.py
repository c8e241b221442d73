"""Files that people sent in, answered so that they can do nothing but be looked at."""

from io import BytesIO

from flask import Response, send_file

from tusker.domain.files import ENDINGS, MediaType
from tusker.models import ShipmentDocument
from tusker.services.delivery.document_files import content_of

ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""What a file may do where it is opened by itself: nothing."""


def file_answer(found: ShipmentDocument, *, download: bool) -> Response:
    """A document's file with headers under which it can do nothing but be looked at."""
    answer = send_file(
        BytesIO(content_of(found)),
        mimetype=found.media_type,
        as_attachment=download,
        download_name=f"document-{found.id}.{ENDINGS[MediaType(str(found.media_type))]}",
        etag=False,
    )
    answer.headers["Content-Security-Policy"] = ALONE
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
