"""A port of what the karting app's client does, step by step, faults included; waits are shorter.

The app is not ours: this is how it behaves, not how it should. It has two halves. The *backend service* holds the
socket, merges rows into a cache and counts laps; the *screen* shows what it was told through a stream of the first
socket. After a drop the backend connects again with an empty cache and without lap detection, and its new stream has no
listener: the screen stays as it was until STOP and START.
"""

import asyncio
import contextlib
from typing import Any

import httpx
import orjson
import websockets
from websockets.asyncio.client import ClientConnection

HEADERS = {"Content-Type": "application/json"}  # with every call, also a GET
LAST_LAP = ("Dernier T.", "Last Lap", "Dernier Tour", "LastLap")
WEB = "https://kartingapp-fef5c.web.app"

Rows = dict[str, dict[str, Any]]


class App:
    """One person with the app.

    Attributes:
        cache: rows by kart as the backend service merged them since it connected last.
        order: names of the columns.
        laps: by kart, the times that were counted as laps since START or the last drop.
        told: by kart, the row of the very message in which a lap appeared, as it is stored with the lap.
        table: what the screen shows.
        lamp: whether the screen says that it is connected.
    """

    def __init__(self, address: str, *, reconnect_s: float = 0.05, settle_s: float = 0.1) -> None:
        self.cache: Rows = {}
        self.order: list[str] = []
        self.laps: dict[str, list[str]] = {}
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.table: Rows = {}
        self.lamp = False
        self.error = ""
        self.connections = 0
        self._address = address
        self._http = httpx.AsyncClient(base_url=f"http://{address}", headers=HEADERS, timeout=30)
        self._reconnect_s, self._settle_s = reconnect_s, settle_s
        self._may_start = False
        self._detecting = False
        self._listening = False
        self._circuit = ""
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # The screen.

    async def open_screen(self) -> bool:
        """START is enabled by one 200 of /health when the screen opens; a browser asks first whether it may."""
        origin = {
            "Origin": WEB,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "content-type",
        }
        preflight = await self._http.options("/health", headers=origin)
        allowed = preflight.headers.get("access-control-allow-headers", "").lower()
        self._may_start = (
            preflight.status_code == 200
            and preflight.headers.get("access-control-allow-origin") in {WEB, "*"}
            and "content-type" in allowed
            and (await self._http.get("/health", headers={"Origin": WEB})).status_code == 200
        )
        return self._may_start

    async def start(self, circuit: str) -> bool:
        """START: health, socket, a wait, start-timing, and from then on laps are counted."""
        if not self._may_start or (await self._http.get("/health")).status_code != 200:
            self.error = "Backend non disponible"
            return False
        self._circuit = circuit
        await self._connect()
        self._listening = True
        await asyncio.sleep(self._settle_s)  # two seconds in the app
        answer = await self._http.post(f"/circuits/{circuit}/start-timing")
        if answer.status_code != 200:
            self.error = "Impossible de démarrer le timing backend"
            await self._disconnect()
            return False
        self._detecting = True
        self.lamp = True  # whatever the socket's state
        return True

    async def stop(self) -> None:
        """STOP: what comes back is not looked at."""
        with contextlib.suppress(httpx.HTTPError):
            await self._http.post(f"/circuits/{self._circuit}/stop-timing")
        self._circuit = ""
        await self._disconnect()
        self.lamp = False

    async def quit(self) -> None:
        """The app is gone."""
        self._circuit = ""
        await self._disconnect()
        await self._http.aclose()

    async def ping(self) -> None:
        """Each thirty seconds in the app; nobody waits for the answer."""
        assert self._socket is not None
        await self._socket.send('{"type":"ping"}')

    # The backend service.

    async def _connect(self) -> None:
        await self._disconnect()
        self._socket = await websockets.connect(f"ws://{self._address}/circuits/{self._circuit}/live")
        self.connections += 1
        self._tasks.append(asyncio.create_task(self._listen(self._socket)))

    async def _disconnect(self) -> None:
        """Everything that was known goes, lap detection is off, and nobody listens to the next stream."""
        socket, self._socket = self._socket, None
        self.cache, self.order, self.laps, self.told = {}, [], {}, {}
        self._detecting = self._listening = False
        if socket is not None:
            await socket.close(1000)

    async def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                self._take(text)
        if self._circuit and socket is self._socket:
            await asyncio.sleep(self._reconnect_s)  # five seconds in the app
            with contextlib.suppress(OSError, websockets.WebSocketException):
                await self._connect()

    def _take(self, text: str | bytes) -> None:
        if isinstance(text, bytes):
            return
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            return
        drivers = self._drivers(message) if isinstance(message, dict) else None
        if drivers is None or not all(isinstance(row, dict) for row in drivers.values()):
            return
        order = message.get("column_order")
        if order is not None:
            if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
                return  # a TypeError in the app: the message is lost
            self.order = order
        for kart, row in drivers.items():
            if self._detecting:
                self._count(kart, row)
            self._merge(kart, row)
        if message.get("type") == "karting_data" and self._listening:
            self.table = {kart: dict(row) for kart, row in self.cache.items()}

    def _drivers(self, message: dict[str, Any]) -> Rows | None:
        for holder in (message, message.get("data"), message.get("karting_data")):
            if isinstance(holder, dict) and "drivers" in holder:
                found = holder["drivers"]
                return found if isinstance(found, dict) else None
        return None

    def _merge(self, kart: str, row: dict[str, Any]) -> None:
        known = self.cache.get(kart)
        if known is None:
            self.cache[kart] = dict(row)
            return
        known.update({name: value for name, value in row.items() if value is not None and str(value).strip()})

    def _count(self, kart: str, row: dict[str, Any]) -> None:
        time = next((str(row[name]) for name in LAST_LAP if row.get(name) is not None), "")
        if not time.strip() or "--" in time or time in {"0:00.000", "null"}:
            return
        counted = self.laps.setdefault(kart, [])
        if not counted or counted[-1] != time:
            counted.append(time)
            self.told.setdefault(kart, []).append(dict(row))
