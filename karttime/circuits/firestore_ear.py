"""From the thread that listens to Firestore to the event loop."""

import asyncio
import logging

from karttime.circuits.firestore_remote import Heard, Remote

log = logging.getLogger(__name__)


class Ear:
    """What a listening thread hears, for the event loop: the newest state wins."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._heard: Heard | None = None
        self._error: Exception | None = None

    def listen(self, remote: Remote) -> None:
        """Runs in a thread until the listening ends, whatever ends it."""
        try:
            for heard in remote.listen():
                self._tell(heard, None)
        except Exception as error:  # noqa: BLE001 - not swallowed: `next` raises it
            self._tell(None, error)

    def _tell(self, heard: Heard | None, error: Exception | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._take, heard, error)
        except RuntimeError:  # the loop is closed: the program ends
            log.debug("Heard after the end")

    def _take(self, heard: Heard | None, error: Exception | None) -> None:
        self._heard, self._error = heard or self._heard, error
        self._news.set()

    async def next(self, wait_s: float) -> Heard | None:
        """The newest state, None when there is no other for so long. Raises what ended the listening."""
        try:
            async with asyncio.timeout(wait_s):
                await self._news.wait()
        except TimeoutError:
            return None
        self._news.clear()
        heard, self._heard = self._heard, None
        if heard is None and self._error is not None:
            raise self._error
        if self._error is not None:
            self._news.set()
        return heard
