"""A few calls to the cluster's API server for the tooling itself (kubectl costs 0.3 s of CPU per call)."""

from __future__ import annotations

import http.client
import json
import ssl

from .layout import Layout


class Api:
    """One request per connection; every failure, also of the network, is a status of 0 or the server's."""

    def __init__(self, layout: Layout):
        self._address = layout.node_address
        self._context = ssl.create_default_context(cafile=str(layout.pki / "ca.crt"))
        self._context.load_cert_chain(layout.pki / "admin.crt", layout.pki / "admin.key")

    def call(self, method: str, path: str, body: dict | None = None, content_type: str = "application/json",
             timeout: float = 5) -> tuple[int, str]:
        connection = http.client.HTTPSConnection(self._address, 6443, context=self._context, timeout=timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": content_type} if body is not None else {})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def get(self, path: str) -> dict | None:
        status, text = self.call("GET", path)
        return json.loads(text) if status == 200 else None

    def ready(self) -> bool:
        return self.call("GET", "/readyz")[0] == 200

    def apply(self, path: str, manifest: dict) -> tuple[int, str]:
        """Server-side apply, so that a repeated call changes nothing."""
        return self.call("PATCH", f"{path}?fieldManager=cluster-tooling&force=true", manifest,
                         "application/apply-patch+yaml")
