"""Creating, changing and removing circuits; what runs takes edits over at once."""

from dataclasses import replace
from urllib.parse import quote

from fastapi import APIRouter, Response

from karttime.api.access import MAY_CHANGE
from karttime.api.schemas import CircuitBody, CircuitPatch, CircuitView
from karttime.api.service import Service
from karttime.api.system import CircuitId, Serving
from karttime.api.views import circuit_view, optional_iso
from karttime.circuits.circuit import Circuit, CircuitConflict, CircuitStore
from karttime.circuits.labels import APP_COLUMNS, edited
from karttime.circuits.local import check_name, check_page, slug, unused
from karttime.circuits.parser import SPEC, by_person
from karttime.circuits.urls import feed_after, feed_of
from karttime.domain.display import clean
from karttime.errors import UsageError
from karttime.feeds.declared.spec import FeedSpec, load_spec

router = APIRouter(prefix="/circuits", tags=["circuits"], dependencies=[MAY_CHANGE])


@router.post("", status_code=201)
async def create(service: Serving, response: Response, body: CircuitBody) -> CircuitView:
    """Add a circuit; `Location` says where it is. It is collected when somebody starts it."""
    store, declared = _store(service), _spec(service, body)
    now = service.clock.wall_ms()
    known = await service.engine.circuits.list()
    circuit = _described(service, body, Circuit(body.id or "", "", "", created_at=now, updated_at=now), "")
    for other in known:
        if (other.name, other.url) == (circuit.name, circuit.url):
            raise CircuitConflict(f"circuit {other.id!r} has this name and address already: change that one")
    if not circuit.id:
        circuit = replace(circuit, id=unused(slug(circuit.name), {other.id for other in known}))
    await store.add(circuit)
    if declared is not None:
        await service.declared(circuit, declared)
    response.headers["Location"] = f"/circuits/{quote(circuit.id)}"
    return circuit_view(await service.circuit(circuit.id))


@router.put("/{circuit_id}")
async def put(service: Serving, circuit_id: CircuitId, body: CircuitBody) -> CircuitView:
    """Replace a circuit's description; what GET answers can be changed and sent back."""
    before = await service.circuit(circuit_id)
    if body.id not in (None, circuit_id):
        raise UsageError("id: a circuit keeps its id; leave it out, or add another circuit")
    blank = Circuit(
        circuit_id, "", "", created_at=before.created_at, updated_at=_later(service, before), version=before.version
    )
    after = _described(service, body, blank, before.feed)
    return await _change(service, before, after, body.updatedAt, _spec(service, body))


@router.patch("/{circuit_id}")
async def patch(service: Serving, circuit_id: CircuitId, body: CircuitPatch) -> CircuitView:
    """Change some of a circuit; what is left out stays."""
    before = await service.circuit(circuit_id)
    after = _described(service, body, replace(before, updated_at=_later(service, before)), before.feed)
    return await _change(service, before, after, body.updatedAt, _spec(service, body))


@router.delete("/{circuit_id}", status_code=204)
async def delete(service: Serving, circuit_id: CircuitId) -> None:
    """Remove a circuit and stop collecting it.

    What is stored of it stays, for a circuit that is added again with this id; `DELETE …/data` deletes rows.
    """
    await service.circuit(circuit_id)
    await _store(service).remove(circuit_id)
    await service.removed(circuit_id)


def _store(service: Service) -> CircuitStore:
    if service.store is None:
        raise CircuitConflict("the circuits of this service cannot be edited: they were given when it was started")
    return service.store


def _later(service: Service, before: Circuit) -> int:
    return max(service.clock.wall_ms(), before.updated_at + 1)


async def _change(
    service: Service, before: Circuit, after: Circuit, seen: str | None, declared: FeedSpec | None
) -> CircuitView:
    if seen is not None and seen != optional_iso(before.updated_at):
        raise CircuitConflict(
            f"circuit {before.id!r} was changed since {clean(seen, 40)}: `current` is what it is now", before
        )
    await _store(service).replace(after)
    if declared is not None:
        await service.declared(after, declared)
    if before.column_labels != after.column_labels:
        told = ", ".join(f"{column} {label}" for column, label in after.column_labels.items())
        service.note(after.id, after.updated_at, "mapping-change", told or "no columns")
    await service.edited(before)
    return circuit_view(await service.circuit(before.id))


def _described(service: Service, body: CircuitBody | CircuitPatch, circuit: Circuit, had: str) -> Circuit:
    """The circuit, whose feed was `had`, with what a body says of it. Raises `UsageError` where that is no good."""
    given = body.model_fields_set
    whole = isinstance(body, CircuitBody)
    columns = {name: getattr(body, name) for name in APP_COLUMNS if name in given}
    url = service.engine.options.addresses.check(body.wssUrl) if whole or "wssUrl" in given else circuit.url
    told = feed_after(url, circuit.url, circuit.feed) if circuit.url else feed_of(url)
    feed = body.feed or (SPEC if body.spec is not None else told)
    return replace(
        circuit,
        name=check_name(body.nom) if whole or "nom" in given else circuit.name,
        url=url,
        live_timing_url=check_page(body.liveTimingUrl)
        if whole or "liveTimingUrl" in given
        else circuit.live_timing_url,
        feed=feed if feed == circuit.feed else _feed(service, feed, given=body.spec is not None or had == SPEC),
        column_labels=edited(circuit.column_labels, body.mappings, columns),
    )


def _feed(service: Service, feed: str, *, given: bool) -> str:
    if feed not in service.feeds:
        raise UsageError(f"feed: known are {', '.join(sorted(service.feeds))}")
    if feed == SPEC and not given:
        raise UsageError("feed: a circuit that is read by a spec needs one: send it as spec")
    return feed


def _spec(service: Service, body: CircuitBody | CircuitPatch) -> FeedSpec | None:
    """The spec that comes along; refused before anything is changed."""
    if body.spec is None:
        return None
    if body.feed not in ("", SPEC):
        raise UsageError("feed: with a spec it is spec; leave feed out")
    declared = load_spec(body.spec)
    by_person(declared, service.clock.wall_ms())
    return declared
