"""Firestore over its generated client: each call bounded in time, documents read field by field.

The module above it in Google's library is not used. Its listener and its reads fail as a whole when one document holds
a value that it cannot represent, such as a reference into another project, which anybody with the app can store; and
its retries block for minutes. This one sends no call twice, and says what to do.

Nothing here is asynchronous: every method blocks, and belongs into a thread.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Final, Literal

from karttime.circuits.circuit import CircuitsUnavailable
from karttime.circuits.firestore_documents import (
    COLLECTION,
    CREATED_AT,
    FIELDS,
    MAX_DOCUMENTS,
    MAX_TEXT,
    SELECTED,
    SELECTION,
    Document,
    Foreign,
    Timestamp,
    Value,
)
from karttime.errors import KarttimeError, UsageError

EMULATOR: Final = "FIRESTORE_EMULATOR_HOST"
TIMEOUT_S: Final = 5.0
_GOOGLE: Final = "firestore.googleapis.com:443"
_PAGE: Final = 50
_CIRCUITS, _SELECTION = 1, 2  # our numbers of what is listened to
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 64 << 20),  # a document is at most 1 MiB, and a page has 50
    ("grpc.use_local_subchannel_pool", 1),  # each attempt begins without the waits of the one before
)
_PINGS: Final = (  # as Google's own client: a dead network ends the listening within a minute
    *_OPTIONS,
    ("grpc.keepalive_time_ms", 30_000),  # the emulator hangs up on who pings, and is on this machine anyway
    ("grpc.keepalive_timeout_ms", 8_000),
)


@dataclass(frozen=True, slots=True)
class FirestoreOptions:
    """Which project, and how to get in.

    Attributes:
        project: its id.
        credentials: the service account's key file; not looked at for an emulator.
        emulator: `host:port` of Google's emulator instead of Google; from `FIRESTORE_EMULATOR_HOST`.
        timeout_s: of each call.
    """

    project: str
    credentials: Path = Path("firebase-credentials.json")
    emulator: str = field(default_factory=lambda: os.environ.get(EMULATOR, ""))
    timeout_s: float = TIMEOUT_S


Reason = Literal["gone", "taken", "changed"]


class NotLetIn(CircuitsUnavailable):
    """Firestore answers, and refuses: by the account's role, or by the project's rules."""


class NotAsExpected(KarttimeError):  # noqa: N818 - it says what is wrong
    """A document is not as a write expected it; nothing was written."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"the document is {reason}")
        self.reason = reason


_REASONS: Final[Sequence[tuple[str, Reason]]] = (
    ("NotFound", "gone"),
    ("AlreadyExists", "taken"),
    ("FailedPrecondition", "changed"),
    ("Aborted", "changed"),
)


@dataclass(frozen=True, slots=True)
class Heard:
    """Everything that is listened to, as it was at one moment."""

    documents: Mapping[str, Document]
    selection: Mapping[str, Value]


class Remote:
    """One connection to one project.

    Args:
        options: which one.
        anonymous: without the service account, as somebody who is not signed in: the project's rules decide.

    Raises:
        UsageError: the extra is not installed, or the key file is none.
        CircuitsUnavailable: from every method, where Firestore does not answer or does not let us in.
    """

    def __init__(self, options: FirestoreOptions, *, anonymous: bool = False) -> None:
        try:
            import grpc
            from google.cloud.firestore_v1 import types
            from google.cloud.firestore_v1.services.firestore import FirestoreClient
            from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
        except ModuleNotFoundError as error:
            raise UsageError("circuits from Firestore need more: pip install 'karttime[firebase]'") from error
        self._types = types
        self._options = options
        self._root = f"projects/{options.project}/databases/(default)"
        self._metadata: tuple[tuple[str, str], ...] = (("google-cloud-resource-prefix", self._root),)
        if options.emulator:
            channel = grpc.insecure_channel(options.emulator, options=_OPTIONS)
            self._metadata += () if anonymous else (("authorization", "Bearer owner"),)
        elif anonymous:
            channel = grpc.secure_channel(_GOOGLE, grpc.ssl_channel_credentials(), options=_OPTIONS)
        else:
            channel = FirestoreGrpcTransport.create_channel(
                credentials=_credentials(options.credentials), options=_PINGS
            )
        self._channel = channel
        self._client: Any = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))
        self._closed = Event()
        self._stream: Any = None

    def close(self) -> None:
        """End what is under way, also in other threads."""
        self._closed.set()
        self._channel.close()

    def all(self) -> list[Document]:
        """Every circuit, at most `MAX_DOCUMENTS`."""
        request = {
            "parent": f"{self._root}/documents",
            "collection_id": COLLECTION,
            "page_size": _PAGE,
            "mask": {"field_paths": FIELDS},
        }
        found: list[Document] = []
        with self._translated():
            for document in self._client.list_documents(request=request, **self._bounds):
                found.append(_document(type(document).pb(document)))
                if len(found) >= MAX_DOCUMENTS:
                    break
        return found

    def get(self, circuit_id: str) -> Document | None:
        """One circuit as it is now, None where there is none."""
        try:
            with self._translated(expecting=True):
                found = self._client.get_document(
                    request={"name": self._name(circuit_id), "mask": {"field_paths": FIELDS}}, **self._bounds
                )
        except NotAsExpected:
            return None
        return _document(type(found).pb(found))

    def create(self, circuit_id: str, fields: Mapping[str, str]) -> None:
        """Add a circuit; `createdAt` is the server's time. Raises `NotAsExpected` where the id is taken."""
        self._write(circuit_id, fields, (CREATED_AT,), {"exists": False})

    def change(
        self, circuit_id: str, fields: Mapping[str, str | bool | None], stamps: Sequence[str], version: Timestamp
    ) -> None:
        """Change fields of a circuit, and set `stamps` to the server's time.

        Raises:
            NotAsExpected: it is gone, or has another version by now.
        """
        self._write(circuit_id, fields, stamps, {"update_time": _moment(version)})

    def delete(self, circuit_id: str) -> None:
        """Remove a circuit. Raises `NotAsExpected` where there is none."""
        self._commit({"delete": self._name(circuit_id), "current_document": {"exists": True}})

    def server_time(self) -> int:
        """The server's clock, ms UTC; costs the read of one document."""
        request = {"database": self._root, "documents": [self._name(*SELECTION)]}
        with self._translated():
            for answer in self._client.batch_get_documents(request=request, **self._bounds):
                return _timestamp(type(answer).pb(answer).read_time).ms
        raise CircuitsUnavailable("Firestore did not answer")

    def listen(self) -> Iterator[Heard]:
        """All circuits and the selection, now and whenever something of it changes, until `close`.

        Each stream begins anew, so that nothing can be missed. It ends by `CircuitsUnavailable`, never by itself.
        """
        from karttime.circuits.firestore_stream import Folding

        folding = Folding({_CIRCUITS: _document, _SELECTION: lambda pb: _fields(pb, (SELECTED,))})
        with self._translated():
            self._stream = self._client.listen(
                requests=self._targets(), metadata=self._metadata, retry=None, timeout=None
            )
            for response in self._stream:
                if folding.take(type(response).pb(response)):
                    documents = {document.id: document for document in folding.state(_CIRCUITS)}
                    yield Heard(documents, next(iter(folding.state(_SELECTION)), {}))
        raise CircuitsUnavailable("Firestore ended the listening")

    def _targets(self) -> Iterator[Any]:
        parent = f"{self._root}/documents"
        circuits = {
            "parent": parent,
            "structured_query": {"from_": [{"collection_id": COLLECTION}], "limit": MAX_DOCUMENTS},
        }
        selection = {"documents": [self._name(*SELECTION)]}
        for target in ({"target_id": _CIRCUITS, "query": circuits}, {"target_id": _SELECTION, "documents": selection}):
            yield self._types.ListenRequest(database=self._root, add_target=target)
        self._closed.wait()

    def _write(
        self,
        circuit_id: str,
        fields: Mapping[str, str | bool | None],
        stamps: Sequence[str],
        expected: Mapping[str, object],
    ) -> None:
        values = {name: _encoded(value) for name, value in fields.items() if value is not None}
        self._commit(
            {
                "update": {"name": self._name(circuit_id), "fields": values},
                "update_mask": {"field_paths": list(fields)},
                "update_transforms": [{"field_path": name, "set_to_server_value": "REQUEST_TIME"} for name in stamps],
                "current_document": expected,
            }
        )

    def _commit(self, write: Mapping[str, object]) -> None:
        with self._translated(expecting=True):
            self._client.commit(request={"database": self._root, "writes": [write]}, **self._bounds)

    def _name(self, *path: str) -> str:
        path = path if len(path) > 1 else (COLLECTION, *path)
        return f"{self._root}/documents/{'/'.join(path)}"

    @property
    def _bounds(self) -> dict[str, Any]:
        return {"timeout": self._options.timeout_s, "retry": None, "metadata": self._metadata}

    @contextmanager
    def _translated(self, *, expecting: bool = False) -> Iterator[None]:
        """Google's errors in words of ours; `NotAsExpected` only where a call is `expecting` some state."""
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError
        from grpc import RpcError

        try:
            yield
        except (exceptions.PermissionDenied, exceptions.Unauthenticated) as error:
            raise NotLetIn(
                f"Firestore does not let us in: {self._options.credentials.name} must be the key of a service account "
                f"of project {self._options.project} that may read and write Firestore ({_told(error)})"
            ) from error
        except GoogleAuthError as error:
            raise CircuitsUnavailable(
                f"Google gives no access for {self._options.credentials.name}: {_told(error)}"
            ) from error
        except (exceptions.GoogleAPICallError, exceptions.RetryError, RpcError, ValueError) as error:
            reason = next((reason for kind, reason in _REASONS if isinstance(error, getattr(exceptions, kind))), None)
            if expecting and reason is not None:
                raise NotAsExpected(reason) from None
            raise CircuitsUnavailable(f"Firestore does not answer: {_told(error)}") from error


def _credentials(path: Path) -> Any:
    from google.oauth2 import service_account

    try:
        made = service_account.Credentials.from_service_account_file(str(path))  # type: ignore[no-untyped-call]
    except OSError as error:
        raise UsageError(f"FIREBASE_CREDENTIALS_PATH: {path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, AttributeError) as error:  # Google's check wants an object
        raise UsageError(
            f"FIREBASE_CREDENTIALS_PATH: {path} is no key of a service account: the Firebase console makes one "
            "(Project settings, Service accounts)"
        ) from error
    return made.with_scopes(["https://www.googleapis.com/auth/datastore"])


def _told(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", "") or error).split())[:200]


def _moment(at: Timestamp) -> Any:
    from google.protobuf.timestamp_pb2 import Timestamp as Moment

    seconds, nanos = divmod(at.ns, 1_000_000_000)
    return Moment(seconds=seconds, nanos=nanos)


def _encoded(value: str | bool) -> dict[str, object]:
    return {"boolean_value": value} if isinstance(value, bool) else {"string_value": value}


def _document(pb: Any) -> Document:
    return Document(pb.name.rpartition("/")[2], _fields(pb, FIELDS), _timestamp(pb.update_time))


def _fields(pb: Any, names: Sequence[str]) -> dict[str, Value]:
    return {name: _value(pb.fields[name]) for name in names if name in pb.fields}


def _value(pb: Any) -> Value:
    kind = str(pb.WhichOneof("value_type"))
    match kind:
        case "null_value":
            return None
        case "string_value":
            text = str(pb.string_value)
            return text if len(text) <= MAX_TEXT else Foreign("a text that is too long")
        case "boolean_value":
            return bool(pb.boolean_value)
        case "timestamp_value":
            return _timestamp(pb.timestamp_value)
        case _:
            return Foreign(kind.removesuffix("_value"))


def _timestamp(pb: Any) -> Timestamp:
    return Timestamp(pb.seconds * 1_000_000_000 + pb.nanos)
