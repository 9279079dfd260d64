"""What `karttime doctor` looks at, and in which order: the checks of `karttime.engine.checks`, by the settings."""

import asyncio
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from karttime.api.id_tokens import ask_google, emulators, installed
from karttime.api.parsers import StoredParsers
from karttime.api.policy import Policy, Scope
from karttime.api.shared import StoredCopy
from karttime.api.stored import StoredCircuits
from karttime.circuits.circuit import Circuit
from karttime.circuits.firestore import FirestoreCircuits
from karttime.circuits.firestore_remote import FirestoreOptions
from karttime.circuits.local import LocalCircuits
from karttime.circuits.parser import PARSED, SPEC
from karttime.circuits.urls import RACE, shown, split_feed
from karttime.cli.catalogue import firestore_options
from karttime.cli.places import journal_path
from karttime.engine.addresses import AddressPolicy
from karttime.engine.checks import firebase, firestore, machine, store
from karttime.engine.checks.finding import EXIT_CODES, Finding, Grade, worst
from karttime.engine.checks.listening import listen, opening
from karttime.engine.checks.quality import judge
from karttime.engine.checks.route import way_to
from karttime.engine.checks.server import running
from karttime.engine.clock import Clock
from karttime.engine.fetch import fetch
from karttime.engine.reconnecting import LinkOptions
from karttime.engine.sources import SourceOptions, Sources
from karttime.engine.websocket import WebSocketOptions
from karttime.errors import KarttimeError, SourceError, UsageError
from karttime.feeds.base import FeedFormat, Score
from karttime.feeds.formats import FORMATS
from karttime.settings import Settings, load
from karttime.storage.database import Database
from karttime.storage.engines import parse_url
from karttime.storage.examine import examine as look

MAX_CIRCUITS: Final = 20
AT_ONCE: Final = 5
ONE_TRY: Final = 1
_ENV: Final = Path(".env")
_SECRET: Final = re.compile(
    r"^\s*(?!\s|#).*(?:://[^/\s:@]+:[^/\s@]+@|(?:password|secret|token|key)\w*=\S)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be looked at; see the options of `karttime doctor`."""

    target: str | None = None
    seconds: float = 8.0
    token: str | None = None
    database: str | None = None
    allow_private: bool = False
    offline: bool = False


def examine(wish: Wish) -> list[Finding]:
    """Every finding, in the order in which one would look for a fault.

    Raises:
        UsageError: the target is none.
    """
    try:
        settings = load(database_url=wish.database, allow_private=wish.allow_private or None)
    except UsageError as error:
        return [Finding("settings", Grade.FAILURE, str(error), "Correct the environment or .env: `karttime config`.")]
    return asyncio.run(_examine(wish, settings))


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for programs."""
    grade = worst(findings)
    shown_as = [{("verdict" if name == "grade" else name): it for name, it in asdict(one).items()} for one in findings]
    return {"verdict": grade.value, "exit_code": EXIT_CODES[grade], "findings": shown_as}


async def _examine(wish: Wish, settings: Settings) -> list[Finding]:
    target = (wish.target or "").strip()
    if not target:
        return await _everything(wish, settings)
    if target.startswith(("http://", "https://")):
        _check_server(target)
        if wish.offline:
            return [Finding("server", Grade.UNCHECKED, "the network is left alone")]
        asked = await running(target, wish.token, wish.seconds)
        return asked.findings if asked.answers else [_failed(finding) for finding in asked.findings]
    if "://" in target or target.startswith(f"{RACE}:"):
        feed, url = split_feed(target)
        policy = AddressPolicy(settings.allow_private, frozenset({url}))
        return await _feed(wish, settings, "feed", url, feed, policy)
    known = {circuit.id: circuit for circuit in await _stored(settings)}
    circuit = known.get(target)
    if circuit is None:
        raise UsageError(
            f"there is no circuit {target!r} in the database: `karttime circuits list` shows those that are stored; "
            "a feed is looked at by its address, wss://…"
        )
    served = await running(_own(settings), wish.token, wish.seconds) if not wish.offline else None
    if served is not None and circuit.id in served.collected:
        return [finding for finding in served.findings if finding.area in {circuit.id, "server"}]
    return await _circuit(wish, settings, circuit)


def _check_server(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        sound = sound and parts.path in {"", "/"} and not (parts.query or parts.fragment) and url.isprintable()
    except ValueError:
        sound = False
    if not sound:
        raise UsageError(f"{shown(url)!r} is no address of a service: http://host:port, and a key by --token")


def _failed(finding: Finding) -> Finding:
    return Finding(finding.area, Grade.FAILURE, finding.said, "Is it started, and is this its address?")


async def _everything(wish: Wish, settings: Settings) -> list[Finding]:
    findings = _settings(settings)
    findings += await asyncio.to_thread(store.database, settings.database_url)
    findings += _disks(settings)
    if wish.offline:
        return [*findings, Finding("network", Grade.UNCHECKED, "it is left alone: no clock, Firebase, service or feed")]
    findings += await _google(settings)
    findings += await _firestore(settings)
    try:
        circuits = await _stored(settings)
    except KarttimeError:
        circuits = []  # the database was told of
    served = await running(_own(settings), wish.token, wish.seconds)
    findings += served.findings
    left = [circuit for circuit in circuits if circuit.id not in served.collected]
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(circuit: Circuit) -> list[Finding]:
        async with gate:
            return await _circuit(wish, settings, circuit)

    for found in await asyncio.gather(*(one(circuit) for circuit in left[:MAX_CIRCUITS])):
        findings += found
    if len(left) > MAX_CIRCUITS:
        said = f"{len(left) - MAX_CIRCUITS} more circuits were not looked at"
        findings.append(Finding("circuits", Grade.UNCHECKED, said, "`karttime doctor ID` looks at one."))
    return findings


def _settings(settings: Settings) -> list[Finding]:
    """Settings that read well one by one, and are dangerous together."""
    findings = []
    named = ", ".join(emulators())
    if named:
        grade = Grade.WARNING if settings.firebase_allow_emulator else Grade.FAILURE
        said = f"{named}: whoever makes a token up is believed"
        findings.append(Finding("settings", grade, said, "Unset it, outside of tests."))
    if not settings.on_loopback:
        if settings.policy == Policy.OPEN:
            said = f"AUTH_POLICY=open: whoever reaches {settings.host} may change and delete everything"
            findings.append(Finding("settings", Grade.WARNING, said, "AUTH_POLICY=app, or control, or all"))
        if settings.sign_in and settings.policy != Policy.OPEN and Scope(settings.firebase_scope) is Scope.ADMIN:
            said = "FIREBASE_SCOPE=admin: whoever can register in the Firebase project may change and delete everything"
            findings.append(Finding("settings", Grade.OK, said, "Where that is not wanted: FIREBASE_SCOPE=control"))
        if settings.debug:
            said = "DEBUG: answers to failed calls name the failure"
            findings.append(Finding("settings", Grade.WARNING, said, "Leave it out outside of tests."))
    if _ENV.is_file() and _ENV.stat().st_mode & stat.S_IROTH and _SECRET.search(_ENV.read_text("utf-8", "replace")):
        said = "everybody on this machine can read the secrets in .env"
        findings.append(Finding("settings", Grade.WARNING, said, "chmod 600 .env"))
    number = f"{len(settings.model_fields_set)} of {len(Settings.model_fields)} set"
    told = f"{number}; {settings.host} port {settings.port}, AUTH_POLICY {settings.policy}"
    return [Finding("settings", Grade.OK, told), *findings]


def _disks(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    try:
        address = parse_url(settings.database_url)
        path = journal_path(settings, settings.database_url)
    except KarttimeError:
        return findings  # the database's check says so
    if address.get_backend_name() == "sqlite":
        findings.append(machine.folder("disk", Path(address.database or "")))
    findings += [machine.folder("disk", path), store.journal(path)]
    if settings.record_dir is not None:
        findings.append(machine.folder("disk", settings.record_dir))
    return [*_distinct(findings), machine.temporary_folder()]


def _distinct(findings: Sequence[Finding]) -> list[Finding]:
    return list({(finding.area, finding.said): finding for finding in findings}.values())


async def _google(settings: Settings) -> list[Finding]:
    if not settings.sign_in:
        asked = Clock().wall_ms()
        try:
            options = LinkOptions(open_timeout_s=5.0)
            answer = await fetch(f"https://{firebase.GOOGLE}/generate_204", {}, options, largest=1 << 16)
        except SourceError:
            return [machine.clock(firebase.GOOGLE, None)]
        skew = machine.skew_s(answer.headers.get("date", ""), asked, Clock().wall_ms())
        return [machine.clock(firebase.GOOGLE, skew)]
    findings = [firebase.library(installed(), settings.firebase_auth is True)]
    path, project = settings.firebase_credentials_path, settings.firebase_project_id
    findings.append(firebase.credentials(path, project, wanted=settings.firebase_check_revoked))
    if installed():
        findings += await asyncio.to_thread(firebase.google, ask_google)
    return findings


async def _firestore(settings: Settings) -> list[Finding]:
    if settings.circuits_from == "firestore" and not installed():
        return [firebase.library(installed=False, wanted=True)]
    try:
        options = firestore_options(settings)
    except UsageError as error:
        return [Finding("firestore", Grade.FAILURE, str(error), "`karttime serve` does not start like that.")]
    if options is None:
        return []
    key = [] if options.emulator else [firebase.credentials(options.credentials, options.project, wanted=True)]
    return [*key, *await asyncio.to_thread(firestore.circuits, options)]


def _own(settings: Settings) -> str:
    """Where the service of these settings is, seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - not listened on  # nosec B104
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


async def _stored(settings: Settings) -> list[Circuit]:
    """The circuits of the database, if it has our schema: nothing is made or upgraded here.

    Those of Firestore, where circuits come from there, as they were known last.

    Raises:
        UsageError: the address is no good.
        StorageError: it cannot be read.
    """
    if look(settings.database_url).schema.behind:
        return []
    with closing(Database(settings.database_url)) as database:
        if settings.circuits_from != "firestore":
            return list(await StoredCircuits(database).all_or_raise())
        options = FirestoreOptions(settings.firebase_project_id)
        shared = FirestoreCircuits(options, StoredCopy(database, options.project), LocalCircuits())
        await shared.load()
        return list(await shared.list())


async def _circuit(wish: Wish, settings: Settings, circuit: Circuit) -> list[Finding]:
    labels = circuit.column_labels
    policy = AddressPolicy(settings.allow_private)
    feed, formats = _read_as(settings, circuit)
    return await _feed(wish, settings, circuit.id, circuit.url, feed, policy, labels, formats)


def _read_as(settings: Settings, circuit: Circuit) -> tuple[str, Mapping[str, FeedFormat]]:
    """How the feed of a circuit is read, where that was found out or declared."""
    if circuit.feed not in PARSED:
        return circuit.feed, FORMATS
    with closing(Database(settings.database_url)) as database:
        parser = StoredParsers(database).now(circuit.id)
    if parser is None or not parser.reads(circuit):
        return circuit.feed, FORMATS
    return parser.feed, {**FORMATS, SPEC: FeedFormat(SPEC, parser.decoder, lambda _frames: Score(0.0))}


async def _feed(
    wish: Wish,
    settings: Settings,
    area: str,
    url: str,
    feed: str,
    policy: AddressPolicy,
    labels: Mapping[str, str] | None = None,
    formats: Mapping[str, FeedFormat] = FORMATS,
) -> list[Finding]:
    """The way to a feed, and how good it is."""
    if wish.offline:
        return [Finding(area, Grade.UNCHECKED, "the network is left alone")]
    way = await way_to(area, url, policy)
    if not way.open:
        return way.findings
    websocket, tcp = WebSocketOptions(max_attempts=ONE_TRY), LinkOptions(max_attempts=ONE_TRY)
    sources = Sources(SourceOptions(websocket, tcp, policy, settings.race_monitor_url))
    heard = await listen(sources(url), wish.seconds)
    return [*way.findings, opening(area, heard), *judge(area, heard, feed, labels, formats)]
