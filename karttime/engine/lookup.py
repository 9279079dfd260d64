"""Race Monitor's lookup: which relay serves a race now, and the token that it wants.

```
GET {base}/Info/WebRaceList?accountID=&seriesID=&raceID=37872&styleID=&t=1780131600
{"Restrictions":"","CurrentRaces":[{"ID":37872,"ReceivingData":true,"IPAddress":"…","Instance":"209"}],
 "LiveTimingToken":"…","LiveTimingHost":"cluster1.race-monitor.com"}
```

* The answer is somebody else's: fetched with limits (`fetch.py`), every field checked before it goes into an address.
* Lookups of one service together are as rare as the published limit of its documented API wants them, six a minute; a
  429 keeps all of them waiting for as long as it says.
* A race that is not live is no failure: it is asked for again every half minute.
* The token is for connecting alone. It is in no text, log or `repr`.
"""

import re
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from karttime.domain.display import clean
from karttime.engine.budget import Bucket
from karttime.engine.clock import Clock
from karttime.engine.reconnecting import LinkOptions, TryLater
from karttime.errors import SourceError, UsageError

BASE: Final = "https://api.race-monitor.com"

_A_MINUTE: Final = 6  # requests: the limit of the documented API's smallest plan
_NOT_LIVE_S: Final = 30.0
_PAUSE_S: Final = 60.0  # after a 429 that does not say how long
_LONGEST_PAUSE_S: Final = 900.0
_LARGEST: Final = 1 << 20
_HOST: Final = re.compile(r"(?=.{1,253}(?::|$))[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[1-9]\d{0,4})?", re.ASCII)
_INSTANCE: Final = re.compile(r"[A-Za-z0-9_.~-]{1,64}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.~-]{8,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LiveRace:
    """Where a race is served now: `host` may have a port."""

    host: str
    instance: str
    token: str = field(repr=False)


def check_base(url: str) -> str:
    """The address of a lookup service, without a slash at its end.

    Raises:
        UsageError: it is none.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        sound = sound and not (parts.query or parts.fragment or parts.username or parts.password)
    except ValueError:
        sound = False
    if not sound or not url.isprintable() or " " in url:
        raise UsageError("that is not the address of a Race Monitor service: http://host[:port] or https://…")
    return url


class Lookup:
    """The lookup service at one address, shared by all that use it."""

    def __init__(self, base: str = BASE, *, clock: Clock | None = None) -> None:
        self.base = check_base(base)
        self._clock = clock or Clock()
        self._bucket = Bucket(_A_MINUTE / 60, _A_MINUTE, self._clock.monotonic())
        self._closed_until = float("-inf")  # monotonic

    async def find(self, race_id: str, options: LinkOptions) -> LiveRace:
        """Where a race is served now.

        Raises:
            TryLater: it is not live, or we asked too often.
            SourceError: the service cannot be reached, refuses us, or answers what is no answer.
        """
        await self._wait_for_our_turn()
        from karttime.engine.fetch import fetch  # a library of its own, which other sources do not need

        wanted = {"accountID": "", "seriesID": "", "raceID": race_id, "styleID": ""}
        wanted["t"] = str(self._clock.wall_ms() // 1000)
        try:
            answer = await fetch(f"{self.base}/Info/WebRaceList", wanted, options, largest=_LARGEST)
        except SourceError as error:
            raise SourceError(f"race {race_id} cannot be looked up: {error}") from error
        if answer.status == 200:
            return _live(answer.body, race_id)
        if answer.status != 429:
            raise SourceError(f"race {race_id} cannot be looked up: {_refused(answer.status)}")
        pause = _pause(answer.headers.get("retry-after", ""), self._clock.wall_ms())
        self._closed_until = self._clock.monotonic() + pause
        raise TryLater("the lookup of races is limited, and asks us to wait (HTTP 429)", pause)

    async def _wait_for_our_turn(self) -> None:
        now = self._clock.monotonic()
        if now < self._closed_until:
            raise TryLater("the lookup of races is limited, and asked us to wait", self._closed_until - now)
        if (wait := self._bucket.spend(1, now)) > 0:
            await self._clock.sleep(wait)


def _refused(status: int) -> str:
    if 300 <= status < 400:
        return f"the service redirects elsewhere (HTTP {status}), which is not followed"
    return f"the service answered HTTP {status}"


def _pause(said: str, now_ms: int) -> float:
    """What a `Retry-After` asks for in seconds, within reason."""
    said, wait = said.strip()[:40], _PAUSE_S
    if said.isdecimal() and said.isascii():
        wait = float(said[:9])
    elif said:
        try:
            wait = parsedate_to_datetime(said).timestamp() - now_ms / 1000
        except (ValueError, OverflowError):
            wait = _PAUSE_S
    return min(max(wait, 1.0), _LONGEST_PAUSE_S)


def _live(body: bytes, race_id: str) -> LiveRace:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise SourceError("the lookup of races answered what is no JSON") from error
    if not isinstance(answer, dict) or not isinstance(answer.get("CurrentRaces", []), list | None):
        raise SourceError("the lookup of races answered in a form that is not known")
    entries = answer.get("CurrentRaces") or []
    entry = next((one for one in entries if isinstance(one, dict) and str(one.get("ID")) == race_id), None)
    if entry is None or entry.get("ReceivingData") is False:
        raise TryLater(
            _not_live(race_id, listed=entry is not None, restrictions=answer.get("Restrictions")), _NOT_LIVE_S
        )
    host = _text(answer, "LiveTimingHost", _HOST)
    return LiveRace(host, _text(entry, "Instance", _INSTANCE), _text(answer, "LiveTimingToken", _TOKEN))


def _not_live(race_id: str, *, listed: bool, restrictions: object) -> str:
    reason = f"race {race_id} is " + ("listed, but receives no data now" if listed else "not live now")
    said = clean(restrictions, 120) if isinstance(restrictions, str) else ""
    return f"{reason} (restrictions: {said})" if said else reason


def _text(fields: dict[str, Any], name: str, form: re.Pattern[str]) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise SourceError(f"the lookup of races answered with no {name}, or with one that is none")
    return value
