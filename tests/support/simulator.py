"""Speaking to the running courier simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

NOW = 1772366400.0  # 2026-03-01 12:00 UTC
TOKEN = "t0ken"


@dataclass
class Sim:
    """Speaks to the running simulator."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None
    ) -> requests.Response:
        """Ask; the control endpoints get the right token unless another one is given."""
        token = TOKEN if token is None and path.startswith("/sim/") else token
        return self.session.request(
            method,
            self.url + path,
            json=body,
            timeout=10,
            allow_redirects=False,
            headers={"LM_PA_TOKEN": token} if token else {},
        )

    def ok(self, method: str, path: str, body: object = None) -> Any:
        answer = self.call(method, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def search(self, *refs: str, token: str = TOKEN) -> requests.Response:
        body = {"pl": {"o_ref_nos": list(refs), "size": 10}}
        return self.call("POST", "/orders/search", body, token=token)

    def orders(self, *refs: str) -> list[dict[str, Any]]:
        answer = self.search(*refs)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["pl"]["orders"]
        return found

    def statuses(self, *refs: str) -> list[int | None]:
        return [order["status"] for order in self.orders(*refs)]

    def create(self, *orders: Mapping[str, object]) -> None:
        self.ok("POST", "/sim/orders", {"orders": list(orders)})

    def people(self, text: str, **more: object) -> requests.Response:
        body = {"pl": {"type": 4, "p_txt": text, "stts": [0], "s_by": "name", "s_dir": 1, **more}}
        return self.call("POST", "/search/users/suggestions", body, token=TOKEN)
