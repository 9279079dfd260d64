"""Anybody who writes into the emulator over REST: documents with any values, as no client would make them."""

from collections.abc import Mapping
from typing import Any

import httpx


class Rest:
    """One project."""

    def __init__(self, project: str, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}/v1/projects/{project}/databases/(default)/documents/"

    def put(self, path: str, **fields: Mapping[str, Any] | str) -> None:
        """Write a whole document; a text stands for itself, everything else is a value as Firestore writes it."""
        values = {name: {"stringValue": it} if isinstance(it, str) else it for name, it in fields.items()}
        self._call("PATCH", path, {"fields": values})

    def change(self, path: str, **fields: str) -> None:
        """Change some texts of a document, as a console does: no time is noted."""
        mask = "&".join(f"updateMask.fieldPaths={name}" for name in fields)
        self._call("PATCH", f"{path}?{mask}", {"fields": {name: {"stringValue": it} for name, it in fields.items()}})

    def get(self, path: str) -> dict[str, Any]:
        """A document's fields, each without the name of its type."""
        fields = self._call("GET", path, None).get("fields", {})
        return {name: next(iter(value.values())) for name, value in fields.items()}

    def delete(self, path: str) -> None:
        """Remove a document."""
        self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = httpx.request(
            method, self._base + path, json=body, headers={"Authorization": "Bearer owner"}, timeout=10
        )
        found: dict[str, Any] = answer.raise_for_status().json()
        return found
