"""uvicorn's HTTP class with patience that ends: a request must be there in time.

uvicorn waits for ever for the rest of a request, so a few thousand connections that send a byte now and then would
take every place. And there are places for so many connections only.
"""

import re
import sys
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from karttime.api.keeper import Keeper
from karttime.api.problem import MEDIA_TYPE, document, kind_of

_BYTES: Final = re.compile(r"\(?:? ?(?:bytearray\()?b['\"]")


class PatientHttp(H11Protocol):
    """Cuts off whoever has not sent a whole request in time."""

    keeper: ClassVar[Keeper]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()
        if 0 < self.keeper.limits.connections < len(self.connections):
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

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or has too large a head, is answered with a problem, too."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        # what is wrong, without the client's own bytes: a key may be among them, and proxies log answers
        detail = f"{msg} {_BYTES.split(str(error))[0].strip()}" if error is not None else msg
        body = orjson.dumps(document(status, kind_of(status), detail))
        headers = [("content-type", MEDIA_TYPE), ("content-length", str(len(body))), ("connection", "close")]
        for event in (
            h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _expect(self) -> None:
        self.keeper.expect(self.transport, self.loop.time() + self.keeper.limits.request)


def http_class(keeper: Keeper) -> type[PatientHttp]:
    """The class for uvicorn."""
    return type("Http", (PatientHttp,), {"keeper": keeper})
