"""A certificate authority of a test's own, and TLS in front of servers whose builds have none."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ASKS_FOR_TLS = bytes.fromhex("0000000804d2162f")
"""PostgreSQL's SSLRequest: what a client says before TLS begins."""


class Authority:
    """Signs certificates of servers; its own one is in `ca`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")])
        folder.mkdir(exist_ok=True)
        self.ca = folder / "ca.pem"
        made = self._certificate(self.name, self.key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._write(self.ca, made)

    def server(self, address: str) -> ssl.SSLContext:
        """TLS of a server at this address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        made = self._certificate(name, key.public_key()).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False
        )
        place = self.folder / "server.pem"
        self._write(place, made)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        place.write_bytes(place.read_bytes() + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place)
        return context

    def _certificate(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=1))
        )

    def _write(self, place: Path, made: x509.CertificateBuilder) -> None:
        signed = made.sign(self.key, hashes.SHA256())
        place.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


@contextlib.contextmanager
def tls_before(upstream: str, tls: ssl.SSLContext, *, postgres: bool = False) -> Iterator[int]:
    """A port of 127.0.0.1 that takes TLS only, and hands on to a server's socket file. It speaks first as PostgreSQL
    does, where it stands before one."""

    class Door(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if postgres:
                if self.request.recv(len(ASKS_FOR_TLS), socket.MSG_WAITALL) != ASKS_FOR_TLS:
                    return
                self.request.sendall(b"S")
            with (
                contextlib.suppress(OSError),
                tls.wrap_socket(self.request, server_side=True) as outside,
                socket.socket(socket.AF_UNIX) as inside,
            ):
                inside.connect(upstream)
                back = threading.Thread(target=_hand_on, args=(inside, outside), daemon=True)
                back.start()
                _hand_on(outside, inside)
                back.join()

    class Doors(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Doors(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
