"""What the person at the terminal sees: the launcher's words, and the lines of the programs behind their names."""

from __future__ import annotations

import os
import re
import sys
import threading
from typing import TextIO

NAME_WIDTH = 9
LEVEL = re.compile(r"^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) ")
LOUD = {"ERROR", "CRITICAL"}
RED, YELLOW, PLAIN = "\033[31m", "\033[33m", "\033[0m"


class Terminal:
    """Writes whole lines, from any thread. Errors carry a ! in front of them, and are red on a terminal."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")
        self._lock = threading.Lock()
        self._levels: dict[str, str] = {}

    def say(self, text: str) -> None:
        """Say something to the person."""
        with self._lock:
            self._out.write(f"{text}\n")
            self._out.flush()

    def complain(self, text: str) -> None:
        """Say that something went wrong."""
        self.say(self._in(RED, f"! {text}"))

    def show(self, name: str, line: str) -> None:
        """Show a line of a program's log. What follows an error without a level of its own belongs to it."""
        found = LEVEL.match(line)
        if found:
            self._levels[name] = found[1]
        elif line.startswith("Traceback "):
            self._levels[name] = "ERROR"
        level = self._levels.get(name, "")
        colour = RED if level in LOUD else YELLOW if level == "WARNING" else ""
        mark = "!" if level in LOUD else "|"
        self.say(self._in(colour, f"{name:<{NAME_WIDTH}} {mark} {line}"))

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if colour and self._coloured else text


def box(lines: list[str]) -> str:
    """`lines` in a frame."""
    width = max(map(len, lines))
    body = (f"│ {line:<{width}} │" for line in lines)
    return "\n".join(["", f"┌{'─' * (width + 2)}┐", *body, f"└{'─' * (width + 2)}┘", ""])
