"""Links that are signed anew are one document; anything that is not surely a signature tells documents apart."""

from __future__ import annotations

import pytest

from tusker.domain.delivery.document_links import document_identity

PATH = "https://docs.example/pod/1.pdf"
V4 = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20260302%2Fx&X-Amz-Date={0}&X-Amz-Expires=900"
    "&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t{0}&X-Amz-Signature=s{0}"
)
V2 = "AWSAccessKeyId=AK&Expires={0}&Signature=s{0}%3D"
GOOG4 = (
    "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=c&X-Goog-Date={0}&X-Goog-Expires=900"
    "&X-Goog-SignedHeaders=host&X-Goog-Signature=s{0}"
)
GOOG2 = "GoogleAccessId=a%40b&Expires={0}&Signature=s{0}"
SAS = "sv=2024-11-04&st={0}&se={0}Z&sr=b&sp=r&sig=s{0}%3D"
SAS_OF_A_POLICY = "sv=2024-11-04&si=reader&sr=b&sig=s{0}"
CLOUDFRONT = "Expires={0}&Signature=s{0}&Key-Pair-Id=K"
CLOUDFRONT_POLICY = "Policy=p{0}&Signature=s{0}&Key-Pair-Id=K"
SIGNINGS = (V4, V2, GOOG4, GOOG2, SAS, SAS_OF_A_POLICY, CLOUDFRONT, CLOUDFRONT_POLICY)


@pytest.mark.parametrize("signing", SIGNINGS)
def test_a_link_that_is_signed_anew_is_the_same_document(signing: str) -> None:
    first, second = (f"{PATH}?{signing.format(n)}" for n in (1, 2))
    assert first != second
    assert document_identity(first) == document_identity(second) == PATH


@pytest.mark.parametrize("signing", SIGNINGS)
@pytest.mark.parametrize("more", ["versionId=3", "page=2&x=%20+", "response-content-disposition=inline"])
def test_what_is_no_signature_stays(signing: str, more: str) -> None:
    query = signing.format(1)
    assert document_identity(f"{PATH}?{more}&{query}") == f"{PATH}?{more}"
    assert document_identity(f"{PATH}?{query}&{more}#2") == f"{PATH}?{more}#2"


def test_order_and_spelling_of_a_signature_do_not_matter() -> None:
    assert document_identity(f"HTTPS://DOCS.example/pod/1.pdf?{V4.format(1).lower()}") == PATH
    assert document_identity(f"{PATH}?{'&'.join(reversed(V4.format(1).split('&')))}") == PATH
    assert document_identity("https://docs.example/Pod/1.pdf?" + V2.format(1)) != PATH


@pytest.mark.parametrize(
    "query",
    [
        "",
        "id=1",
        "Expires=1",
        "token=abc&expires=1",
        "Signature=s&Expires=1",
        "X-Amz-Date=1&X-Amz-Expires=900",
        "X-Amz-Signature=s",
        "sig=s&se=1",
        "sv=1&sig=s",
        "Key-Pair-Id=K&Signature=s",
        "GoogleAccessId=a&Expires=1",
        # two ways at once, or one parameter twice: nobody can say which of them signs
        f"{V2.format(1)}&{CLOUDFRONT.format(2)}",
        f"{V4.format(1)}&X-Amz-Signature=other",
    ],
)
def test_what_is_not_surely_a_signature_stays_as_it_is(query: str) -> None:
    uri = f"{PATH}?{query}"
    assert document_identity(uri) == uri


def test_an_address_that_cannot_be_read_stays_as_it_is() -> None:
    assert document_identity("https://[x/1?" + V2) == "https://[x/1?" + V2
