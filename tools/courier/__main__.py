"""`python -m tools.courier`: run the courier simulator until it is told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from tools.courier.api import Courier
from tools.courier.server import CourierServer
from tools.courier.store import Store
from tools.courier.webhooks import Target

log = logging.getLogger("tools.courier")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError("must be more than zero")
    return value


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; ends the program with a message where it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.courier", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8010, help="0 takes a free one (default 8010)")
    parser.add_argument("--fd", type=int, help="serve on this socket of the parent's, which listens already")
    parser.add_argument(
        "--token",
        default=os.environ.get("TUSKER_CARRIER_TOKEN"),
        help="what clients must send as LM_PA_TOKEN (default: the variable TUSKER_CARRIER_TOKEN)",
    )
    parser.add_argument("--state", type=Path, help="SQLite file that keeps the orders (default: memory only)")
    parser.add_argument(
        "--speed", type=_positive, default=1.0, help="how much quicker orders move by themselves"
    )
    parser.add_argument("--public-url", default="", help="address under which people's browsers reach it")
    parser.add_argument(
        "--webhook-url",
        default="",
        help="tell this address of each change, signed with the variable TUSKER_CARRIER_WEBHOOK_SECRET",
    )
    parser.add_argument("--log-level", default=os.environ.get("LOG_LEVEL", "INFO"), type=str.upper)
    parsed = parser.parse_args(arguments)
    if not parsed.token:
        parser.error("--token or the variable TUSKER_CARRIER_TOKEN is needed")
    parsed.webhook_secret = os.environ.get("TUSKER_CARRIER_WEBHOOK_SECRET", "")
    if parsed.webhook_url and not parsed.webhook_secret:
        parser.error("--webhook-url needs the variable TUSKER_CARRIER_WEBHOOK_SECRET")
    if parsed.webhook_url and not parsed.webhook_url.startswith(("http://", "https://")):
        parser.error("--webhook-url must begin with http:// or https://")
    return parsed


def listen(host: str, port: int, fd: int | None) -> socket.socket:
    """The socket to serve on. Ends the program with a message where the address cannot be had."""
    if fd is not None:
        return socket.socket(fileno=fd)
    try:
        return socket.create_server((host, port), backlog=128)
    except (OSError, OverflowError) as error:
        raise SystemExit(f"tools.courier: cannot listen on {host}:{port}: {error}") from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    options = parse_arguments(arguments)
    logging.Formatter.converter = time.gmtime
    line = "%(asctime)s.%(msecs)03d+00:00 %(levelname)s %(name)s %(message)s"
    logging.basicConfig(level=options.log_level, format=line, datefmt="%Y-%m-%dT%H:%M:%S")
    listening = listen(options.host, options.port, options.fd)
    store = Store(options.state)
    courier = Courier(store, options.token, options.speed, options.public_url.rstrip("/"))

    if options.webhook_url:
        courier.send_webhooks(Target(options.webhook_url, options.webhook_secret))

    def stop(number: int, _frame: object) -> None:
        # Once is enough: a second Ctrl-C must not interrupt the closing of the file.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        log.info("stopping on %s", signal.Signals(number).name)
        raise SystemExit(0)

    try:
        with CourierServer(listening, courier) as server:
            signal.signal(signal.SIGINT, stop)
            signal.signal(signal.SIGTERM, stop)
            log.info("courier simulator on %s", server.url)
            server.serve_forever()
    finally:
        store.close()


if __name__ == "__main__":
    main()
