"""Which process dies at which commit: a file says so to `tests.support.faults.mortal`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FILE = "TUSKER_DEATH"
"""The variable with the path of that file."""
WEB, ANY = "web", "*"


@dataclass(frozen=True)
class Death:
    """Who dies: a job by its name, or `WEB`; at the commit of this number of the process that runs it, or at any."""

    who: str
    number: str
    moment: str
    """`before` or `after` the commit."""

    def ask(self, file: Path) -> None:
        """Have it happen once."""
        new = file.with_suffix(".new")
        new.write_text(f"{self.who} {self.number} {self.moment}")
        new.rename(file)

    def fits(self, who: str, number: int, moment: str) -> bool:
        """Whether this is the one."""
        return (
            self.moment == moment
            and self.number in {ANY, str(number)}
            and (self.who == who or (self.who == ANY and who != WEB))
        )
