"""Addresses that an admin may enter, in production and outside it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tusker.carriers.address import check_address, check_public
from tusker.errors import InvalidInput


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What names resolve to, so that no test asks a name server."""
    known = {
        "api.example.com": ["93.184.215.14"],
        "mixed.example.com": ["93.184.215.14", "10.0.0.7"],
        "inside.example.com": ["192.168.0.9"],
        "v6.example.com": ["fd00::1"],
    }

    def look_up(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        addresses = known.get(host) or ([host] if host[0].isdigit() or ":" in host else [])
        if not addresses:
            raise socket.gaierror("unknown")
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr("tusker.carriers.address.socket.getaddrinfo", look_up)


@pytest.mark.parametrize("production", [True, False])
def test_a_public_https_address_is_taken(production: bool) -> None:
    assert (
        check_address(" https://api.example.com/v1/ ", production=production) == "https://api.example.com/v1"
    )
    check_public("https://api.example.com/v1")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8010", "https://inside.example.com", "http://courier:8010"]
)
def test_outside_production_the_own_network_is_open(address: str) -> None:
    assert check_address(address, production=False) == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://api.example.com", "https"),
        ("https://inside.example.com", "private network"),
        ("https://mixed.example.com", "private network"),
        ("https://v6.example.com", "private network"),
        ("https://127.0.0.1", "private network"),
        ("https://169.254.169.254/latest", "private network"),
        ("https://[::1]:8443", "private network"),
        ("https://nowhere.example.com", "not known"),
    ],
)
def test_in_production_it_is_closed(address: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        check_public(address)
    assert caught.value.field == "base_url"


@pytest.mark.parametrize(
    "address",
    ["", "api.example.com", "ftp://api.example.com", "https://", "https://a:b@api.example.com", "https://[",
     "https://api.example.com?x=1", "https://api.example.com#x", "https://api.example.com:99999", "https://é.example"],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused_everywhere(address: str) -> None:
    with pytest.raises(InvalidInput):
        check_address(address, production=False)
