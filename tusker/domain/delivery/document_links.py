"""Which links are links to the same document, though the delivery company signs them anew with each answer."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class _Signing:
    """A way of signing links: a query with all of `marks` and one of `either` is signed this way; `others` may belong
    to it."""

    marks: frozenset[str]
    either: frozenset[str]
    others: frozenset[str] = frozenset()

    @property
    def parameters(self) -> frozenset[str]:
        return self.marks | self.either | self.others

    def signs(self, names: Collection[str]) -> bool:
        return self.marks.issubset(names) and not self.either.isdisjoint(names)


def _signing(marks: str, either: str, others: str = "") -> _Signing:
    return _Signing(frozenset(marks.split()), frozenset(either.split()), frozenset(others.split()))


_SIGNINGS = (
    # AWS Signature Version 4 and 2
    _signing(
        "x-amz-algorithm x-amz-credential x-amz-date x-amz-signature",
        "x-amz-expires",
        "x-amz-signedheaders x-amz-security-token",
    ),
    _signing("awsaccesskeyid signature", "expires", "x-amz-security-token"),
    # Google Cloud Storage V4 and V2
    _signing(
        "x-goog-algorithm x-goog-credential x-goog-date x-goog-signature",
        "x-goog-expires",
        "x-goog-signedheaders",
    ),
    _signing("googleaccessid signature", "expires"),
    # Azure: shared access signatures, of a key, of a user's delegation, or by a stored policy
    _signing(
        "sv sig",
        "se si",
        "st sp sr ss srt sip spr sdd ses skoid sktid skt ske sks skv saoid suoid scid skdutid sduoid",
    ),
    # CloudFront
    _signing("key-pair-id signature", "expires policy", "hash-algorithm"),
)


def document_identity(uri: str) -> str:
    """The part of a document's link that stays the same when it is signed anew: all but the signature's parameters.

    Parameters are dropped only for a known way of signing, and only where all of it is there once: any other may say
    which document is meant. Another path, version or file name is another document.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    pieces = [(unquote_plus(piece.partition("=")[0]).lower(), piece) for piece in parts.query.split("&")]
    names = [name for name, _ in pieces]
    used = [signing for signing in _SIGNINGS if signing.signs(names)]
    if len(used) != 1 or any(names.count(name) > 1 for name in used[0].parameters):
        return uri
    query = "&".join(piece for name, piece in pieces if name not in used[0].parameters)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path, query, parts.fragment))
