"""Real PostgreSQL and Valkey without installation, and the whole stack in one terminal.

For development and tests. Nothing of the application imports this package, and a contract in pyproject.toml
keeps it so.
"""

from tools.local.servers import LocalServers, local_servers

__all__ = ["LocalServers", "local_servers"]
