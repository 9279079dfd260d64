"""A server as source: its `karttime.v1` stream for the chosen circuit, its REST calls for everything else."""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx

from karttime.client.stream import HealthChanged, Stream, StreamOptions
from karttime.errors import KarttimeError, SourceError, UsageError
from karttime.tui.facts import moment, whole
from karttime.tui.race import Decision
from karttime.tui.sources.address import Address
from karttime.tui.sources.base import CircuitInfo, Event, FeedEntry, History, Mode
from karttime.tui.sources.child import Child

HISTORY_PAGES: Final = 5
PAGE: Final = 1000
_NEXT: Final = re.compile(r'<([^>]+)>;\s*rel="next"')
_TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)


def _trusted(address: Address) -> ssl.SSLContext | bool:
    """Whose certificates count; without TLS nobody's, which saves reading them, a 50th of a second at the start."""
    return address.http.startswith("https:") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def answers(address: Address, timeout_s: float = 0.5) -> bool:
    """Whether a karttime server is there."""
    try:
        async with httpx.AsyncClient(timeout=timeout_s, trust_env=False, verify=_trusted(address)) as client:
            told = (await client.get(f"{address.http}/health")).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(told, dict) and "version" in told and "checks" in told


class Attached:
    """A server.

    Args:
        address: where it is.
        token: an API key, where it wants one.
        mode: what the top bar says.
        child: the server, where it is our own: it is started again when it ended by itself.
    """

    transport = None

    def __init__(
        self, address: Address, token: str | None = None, mode: Mode = Mode.LIVE, child: Child | None = None
    ) -> None:
        self.mode = mode
        self.where = urlsplit(address.http).netloc
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=address.http, headers=self._headers, timeout=_TIMEOUT, trust_env=False, verify=_trusted(address)
        )
        self._child = child
        self._stream: Stream | None = None

    def data_age_ms(self) -> int | None:
        return None if self._stream is None else self._stream.data_age_ms()

    async def circuits(self) -> Sequence[CircuitInfo]:
        if self._child is not None:
            await asyncio.to_thread(self._child.revive)
        known = await self._pages("/circuits", 10)
        status = await self._get("/status")
        collectors = {it["circuit_id"]: it for it in status.get("collectors", ()) if isinstance(it, dict)}
        clients = status.get("clients") or {}
        return [_circuit(it, collectors.get(it["id"], {}), clients.get(it["id"], {})) for it in known]

    async def follow(self, circuit_id: str) -> AsyncGenerator[Event, None]:
        options = StreamOptions(self._headers, first_wait_s=0.25, max_wait_s=3.0)
        self._stream = stream = Stream(f"{self._address.ws}/circuits/{quote(circuit_id, safe='')}/live", options)
        async with aclosing(aiter(stream)) as steps:
            async for step in steps:
                if isinstance(step, HealthChanged) and "Errno" in step.reason:
                    yield HealthChanged(step.health, f"the server at {self.where} does not answer")
                else:
                    yield step

    async def history(self, circuit_id: str) -> History:
        path = _path(circuit_id)
        laps = await self._pages(f"{path}/laps", HISTORY_PAGES)
        session_id = laps[0]["session_id"] if laps else None
        stops = await self._try(f"{path}/stops", PAGE)
        events = await self._try(f"{path}/logs", PAGE)
        if session_id is None and stops:
            session_id = stops[0].get("session_id")
        connection = [
            {"at": it.get("timestamp"), "event": it.get("event"), "detail": it.get("detail")} for it in events
        ]
        facts = {"laps": laps[::-1], "stops": _stop_facts(stops), "connection": connection[::-1]}
        return History(facts, session_id)

    async def laps(self, circuit_id: str, competitor_id: str) -> Sequence[Mapping[str, Any]]:
        return await self._pages(f"{_path(circuit_id)}/laps", 20, competitor=competitor_id)

    async def frames(self, circuit_id: str, after: int) -> Sequence[FeedEntry]:
        found = await self._get(f"{_path(circuit_id)}/frames", after=after, limit=500)
        return [
            FeedEntry(
                int(it["number"]),
                moment(it["at"]),
                str(it["text"]),
                None if it["updates"] is None else tuple(map(str, it["updates"])),
                tuple((str(refusal["reason"]), str(refusal["sample"])) for refusal in it["refused"]),
            )
            for it in found
        ]

    async def command(self, circuit_id: str, name: str, /, **values: Any) -> Any:
        known: Mapping[str, Callable[[str, Mapping[str, Any]], Awaitable[Any]]] = {
            "start": self._start,
            "stop": self._stop,
            "record": self._record,
            "add": self._add,
            "edit": self._edit,
            "delete": self._delete,
            "analyse": self._analyse,
            "analysis": self._analysis,
            "labels": self._labels,
            "decide": self._decide,
            "decisions": self._decisions,
            "mark": self._mark,
        }
        if name not in known:
            raise UsageError(f"a server cannot do this: {name}")
        return await known[name](circuit_id, values)

    async def close(self) -> None:
        await self._http.aclose()
        if self._child is not None:
            await asyncio.to_thread(self._child.stop)

    async def _start(self, circuit_id: str, _values: Mapping[str, Any]) -> Any:
        return (await self._call("POST", f"{_path(circuit_id)}/start-timing"))["status"]

    async def _stop(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        force = {"force": "true"} if values.get("force") else {}
        return (await self._call("POST", f"{_path(circuit_id)}/stop-timing", params=force))["status"]

    async def _record(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        action = "start-recording" if values["on"] else "stop-recording"
        return (await self._call("POST", f"{_path(circuit_id)}/{action}"))["status"]

    async def _add(self, _circuit_id: str, values: Mapping[str, Any]) -> Any:
        return (await self._call("POST", "/circuits", json=_body(values)))["id"]

    async def _edit(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        return (await self._call("PATCH", _path(circuit_id), json=_body(values)))["id"]

    async def _delete(self, circuit_id: str, _values: Mapping[str, Any]) -> Any:
        return await self._call("DELETE", _path(circuit_id))

    async def _analyse(self, circuit_id: str, _values: Mapping[str, Any]) -> Any:
        found = await self._call("POST", f"{_path(circuit_id)}/analyze-format", timeout=90.0)
        if found.get("status") == "running":
            raise UsageError("the analysis takes longer: ask again in a moment")
        return found

    async def _analysis(self, circuit_id: str, _values: Mapping[str, Any]) -> Any:
        return await self._call("GET", f"{_path(circuit_id)}/analysis")

    async def _labels(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        return (await self._call("PATCH", _path(circuit_id), json={"mappings": values["labels"]}))["mappings"]

    async def _decide(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        body = {"session_id": values["session"], "competitor_id": values["competitor"], "number": values["lap"]}
        body |= {"excluded": values["excluded"], "reason": values["reason"]}
        return _decision(await self._call("POST", f"{_path(circuit_id)}/laps/decisions", json=body))

    async def _decisions(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        found = await self._try(f"{_path(circuit_id)}/laps/decisions", PAGE, session=values["session"])
        return [_decision(it) for it in found]

    async def _mark(self, circuit_id: str, values: Mapping[str, Any]) -> Any:
        return await self._call("POST", f"{_path(circuit_id)}/marks", json={"text": values["text"]})

    async def _try(self, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """A list that a server may not have; nothing then."""
        try:
            found = await self._get(path, limit=limit, **params)
        except KarttimeError:
            return []
        return found if isinstance(found, list) else []

    async def _get(self, path: str, **params: Any) -> Any:
        return await self._call("GET", path, params=params)

    async def _pages(self, path: str, most: int, **params: Any) -> list[dict[str, Any]]:
        """A list over several pages, as far as allowed."""
        found: list[dict[str, Any]] = []
        wanted: dict[str, Any] | None = {"limit": PAGE, **params}
        for _ in range(most):
            response = await self._response("GET", path, params=wanted)
            page = _json(response)
            found += page if isinstance(page, list) else []
            following = _NEXT.search(response.headers.get("link", ""))
            if following is None:
                break
            path, wanted = following[1], None
        return found

    async def _call(self, method: str, path: str, **options: Any) -> Any:
        response = await self._response(method, path, **options)
        return None if response.status_code == 204 else _json(response)

    async def _response(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(
                f"the server at {self.where} does not answer: {str(error) or type(error).__name__}"
            ) from error
        if response.status_code >= 400:
            raise KarttimeError(_problem(response))
        return response


def _path(circuit_id: str) -> str:
    return f"/circuits/{quote(circuit_id, safe='')}"


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise SourceError("the server answered with something that is no JSON: is it karttime?") from None


def _problem(response: httpx.Response) -> str:
    """Why a call failed, in a sentence for a person."""
    try:
        detail = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered with HTTP {response.status_code}: is it karttime?"
    return detail.replace("send Authorization: Bearer <key>", "give one with --token KEY")


def _body(values: Mapping[str, Any]) -> dict[str, Any]:
    names = {"name": "nom", "url": "wssUrl", "page": "liveTimingUrl", "feed": "feed"}
    return {names[name]: value for name, value in values.items() if name in names}


def _circuit(told: Mapping[str, Any], collector: Mapping[str, Any], clients: Mapping[str, Any]) -> CircuitInfo:
    return CircuitInfo(
        id=str(told["id"]),
        name=str(told.get("nom", "")),
        url=str(told.get("wssUrl", "")),
        feed=str(told.get("feed", "")),
        page=str(told.get("liveTimingUrl", "")),
        labels=dict(told.get("mappings") or {}),
        state=str(collector.get("state", "stopped")),
        reason=str(collector.get("reason", "")),
        running=collector.get("running") is True,
        data_age_ms=whole(collector.get("data_age_ms")),
        frames=whole(collector.get("frames")) or 0,
        bytes=whole(collector.get("bytes")) or 0,
        refused=dict(collector.get("refused") or {}),
        clients=whole(clients.get("clients")) or 0,
        session=str(collector.get("session_title") or collector.get("session_id") or ""),
        last_error=str(collector.get("last_error", "")),
        doubts=tuple(map(str, collector.get("doubts") or ())),
        recording=collector.get("recorder") or {},
    )


def _stop_facts(stops: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entering and leaving as events, in order of time."""
    facts = [
        {"competitor_id": it.get("competitor_id"), "event": event, "at": it.get(key), "after_lap": it.get("after_lap")}
        for it in stops
        for event, key in (("in", "in_at"), ("out", "out_at"))
        if it.get(key)
    ]
    return sorted(facts, key=lambda fact: str(fact["at"]))


def _decision(told: Mapping[str, Any]) -> Decision:
    return Decision(
        str(told["competitor_id"]), int(told["number"]), bool(told["excluded"]), str(told["reason"]), moment(told["at"])
    )
