"""A service that runs: asked for its health and its state, twice, so that what moves is seen to move."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from karttime.engine.checks.finding import Finding, Grade
from karttime.engine.fetch import Answer, fetch
from karttime.engine.reconnecting import LinkOptions
from karttime.errors import SourceError

LARGEST: Final = 16 << 20
_OPTIONS: Final = LinkOptions(open_timeout_s=5.0)
_AREA: Final = "server"
_GRADES: Final[Mapping[str, tuple[Grade, str]]] = {
    "live": (Grade.OK, ""),
    "silent": (Grade.OK, ""),
    "connecting": (Grade.WARNING, "See whether that lasts."),
    "connected": (Grade.OK, ""),
    "stopped": (Grade.OK, ""),
    "detecting": (
        Grade.WARNING,
        "It is being found out what its feed is; where that lasts, `karttime record` it, and `analyze` says more.",
    ),
    "flooding": (Grade.WARNING, "It sends more than a feed may, and is read more slowly."),
    "reconnecting": (Grade.WARNING, "The venue's server, or the network to it: `karttime doctor ID` looks closer."),
    "gave-up": (Grade.FAILURE, "Start it again once the venue's server is back: POST /circuits/ID/start-timing"),
    "failed": (Grade.FAILURE, "A fault of karttime: its log says more."),
}


@dataclass(frozen=True, slots=True)
class Running:
    """A service, as far as it tells.

    Attributes:
        answers: something is there at all.
        findings: what it told.
        collected: circuits that it collects now, by id.
        date: the `Date` of its answer, empty where it told none.
    """

    answers: bool
    findings: list[Finding]
    collected: frozenset[str] = frozenset()


async def running(url: str, token: str | None, seconds: float) -> Running:
    """Ask the service at an address.

    Args:
        url: `http://host:port`.
        token: an API key, None for none.
        seconds: between the two looks at its circuits.
    """
    url = url.rstrip("/")
    try:
        answer = await fetch(f"{url}/health", {}, _OPTIONS, largest=LARGEST, token=token)
    except SourceError as error:
        return Running(False, [Finding(_AREA, Grade.UNCHECKED, f"no service answers at {url}: {error}")])
    health = _document(answer)
    if health is None or "version" not in health:
        said = f"something else answers at {url} (HTTP {answer.status})"
        return Running(True, [Finding(_AREA, Grade.FAILURE, said, "Stop it, or choose another PORT.")])
    findings = [_health(url, health)]
    try:
        ready = _document(await fetch(f"{url}/health/ready", {}, _OPTIONS, largest=LARGEST, token=token)) or {}
        before = await fetch(f"{url}/status", {}, _OPTIONS, largest=LARGEST, token=token)
        if before.status in {401, 403}:
            said = "its state is told to those with a key"
            findings += [*_ready(ready), Finding(_AREA, Grade.UNCHECKED, said, "Give one: --token KEY")]
            return Running(True, findings)
        await asyncio.sleep(seconds)
        after = _document(await fetch(f"{url}/status", {}, _OPTIONS, largest=LARGEST, token=token)) or {}
    except SourceError as error:
        said = f"it stopped answering: {error}"
        return Running(True, [*findings, Finding(_AREA, Grade.FAILURE, said, "See its log, and restart it.")])
    findings += [*_ready(ready), *_stored(after)]
    earlier = {_text(it, "circuit_id"): it for it in _list(_document(before) or {}, "collectors")}
    collected = set()
    for collector in _list(after, "collectors"):
        circuit_id = _text(collector, "circuit_id")
        if collector.get("running") is True:
            collected.add(circuit_id)
        findings += _collector(collector, earlier.get(circuit_id, {}), seconds)
    return Running(True, findings, frozenset(collected))


def _health(url: str, health: Mapping[str, Any]) -> Finding:
    status, version = _text(health, "status"), _text(health, "version")
    checks = health.get("checks")
    bad = [f"{name}: {value}" for name, value in checks.items() if value != "ok"] if isinstance(checks, dict) else []
    said = f"{url}: karttime {version} is {status}"
    if status == "healthy":
        return Finding(_AREA, Grade.OK, said)
    grade = Grade.WARNING if status == "degraded" else Grade.FAILURE
    return Finding(_AREA, grade, "; ".join([said, *bad]), "Live data may flow all the same: see what is named here.")


def _ready(ready: Mapping[str, Any]) -> list[Finding]:
    reasons = ready.get("reasons")
    if ready.get("status") == "ready" or not isinstance(reasons, list):
        return []
    said = f"it does not do its work: {'; '.join(map(str, reasons))}"
    return [Finding(_AREA, Grade.FAILURE, said, "See its log and the load of the machine.")]


def _stored(status: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for name, lost in (("storage", "dropped"), ("journal", "shed")):
        part = status.get(name)
        if isinstance(part, dict) and (rows := _number(part, lost)):
            said = f"{rows:,} rows were given up since it started ({name})"
            findings.append(Finding(_AREA, Grade.FAILURE, said, "The database is too slow, or was away for too long."))
    return findings


def _collector(now: Mapping[str, Any], before: Mapping[str, Any], seconds: float) -> list[Finding]:
    circuit_id, state = _text(now, "circuit_id"), _text(now, "state")
    grade, advice = _GRADES.get(state, (Grade.WARNING, "This karttime does not know that state."))
    frames = _number(now, "frames") - _number(before, "frames")
    age = now.get("data_age_ms")
    told = f"data {age / 1000:,.1f} s old" if isinstance(age, int) else "no data yet"
    reason = f": {_text(now, 'reason')}" if now.get("reason") else ""
    figures: dict[str, float | int | str] = {"state": state, "messages": max(0, frames), "seconds": seconds}
    if isinstance(age, int):
        figures["data_age_ms"] = age
    said = f"{state}{reason}, {told}, messages: {max(0, frames)} in {seconds:g} s"
    if state == "stopped":
        return [Finding(circuit_id, grade, "not collected now", advice, figures)]
    findings = [Finding(circuit_id, grade, said, advice, figures)]
    refused = now.get("refused")
    counts = (
        {name: count for name, count in refused.items() if isinstance(count, int)} if isinstance(refused, dict) else {}
    )
    strange, updates = sum(counts.values()) - counts.get("foreign-bytes", 0), _number(now, "updates")
    if strange > 0.02 * (strange + updates):
        named = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda it: -it[1])[:5])
        told = f"{strange / (strange + updates):.1%} of what it sends is refused: {named}"
        findings.append(Finding(circuit_id, Grade.WARNING, told, "Record it, and see `karttime analyze`.", counts))
    return findings


def _document(answer: Answer) -> dict[str, Any] | None:
    try:
        value = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _list(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = document.get(name)
    return [it for it in value if isinstance(it, dict)] if isinstance(value, list) else []


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0
