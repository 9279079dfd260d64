"""Which web pages may talk to the service: those of its own host, and those that the operator names."""

import re
from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers


class Origins:
    """The allowed origins; `*` allows all, `http://localhost:*` any port there."""

    def __init__(self, allowed: Iterable[str]) -> None:
        allowed = tuple(allowed)
        self.everybody = "*" in allowed
        parts = [re.escape(origin).replace(r":\*", r"(:\d{1,5})?") for origin in allowed if origin != "*"]
        self.pattern = "|".join(parts) or "(?!)"
        self._allowed = re.compile(self.pattern)

    def allow(self, headers: Mapping[str, str] | Headers) -> bool:
        """Whether a request may come from the page it comes from; what is no browser names none and may."""
        origin = headers.get("origin")
        if origin is None or self.everybody:
            return True
        if origin.partition("://")[2] == headers.get("host"):
            return True
        return self._allowed.fullmatch(origin) is not None
