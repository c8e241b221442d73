"""``python -m tools.cluster``: the cluster with the demo, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

from tools.cluster.plan import cluster
from tools.local import stack
from tools.local.binaries import LocalServerError
from tools.local.terminal import box


def main() -> int:
    """Run it; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    stack.terminal.say("Starting the servers and filling in the demo (a minute) ...")
    try:
        with (
            tempfile.TemporaryDirectory(prefix="tusker-cluster-") as folder,
            cluster(
                {}, lambda environ: stack.flask(environ, "seed-demo", "--logins", f"{folder}/logins.txt")
            ) as running,
        ):
            stack.terminal.say(
                box(
                    [
                        *stack.welcome(running.environ, Path(folder) / "logins.txt"),
                        "It is a cluster: all of it goes with it.",
                    ]
                )
            )
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except LocalServerError as error:
        sys.exit(f"tools.cluster: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
