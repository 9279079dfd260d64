"""uvicorn's HTTP class with patience that ends: a request must be there in time.

uvicorn waits for ever for the rest of a request, so a few thousand connections that send a byte now and then would
take every place. And there are places for so many connections only.
"""

from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from karttime.api.keeper import Keeper


class PatientHttp(H11Protocol):
    """Cuts off whoever has not sent a whole request in time."""

    keeper: ClassVar[Keeper]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()
        if len(self.connections) > self.keeper.limits.connections:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        waiting = self.conn.their_state in {h11.IDLE, h11.SEND_BODY}
        if waiting and self.transport.get_protocol() is self:  # it is another's after an upgrade
            self._expect()
        else:
            self.keeper.arrived(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.keeper.arrived(self.transport)
        super().connection_lost(exc)

    def _expect(self) -> None:
        self.keeper.expect(self.transport, self.loop.time() + self.keeper.limits.request)


def http_class(keeper: Keeper) -> type[PatientHttp]:
    """The class for uvicorn."""
    return type("Http", (PatientHttp,), {"keeper": keeper})
