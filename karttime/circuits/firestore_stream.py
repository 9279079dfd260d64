"""The state that a stream of Firestore's Listen call tells, folded message by message.

| message | means |
|---|---|
| `target_change` ADD | the server has taken a target over |
| `document_change` | a document belongs to some targets, and not to others any more |
| `document_delete`, `document_remove` | it belongs to none of these targets any more |
| `target_change` CURRENT | a target was told completely |
| `target_change` NO_CHANGE, without targets and with a time | everything so far is one consistent state |
| `target_change` RESET | forget what was told of a target: it comes again |
| `target_change` REMOVE | the server gives a target up, and says why |
| `filter` | how many documents a target has; another number than ours means that we missed something |
"""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from karttime.circuits.circuit import CircuitsUnavailable


class _Change(IntEnum):
    """What a target change says, by its number in the protocol."""

    NO_CHANGE = 0
    ADD = 1
    REMOVE = 2
    CURRENT = 3
    RESET = 4


class Folding:
    """What belongs to each target, decoded when it comes: nothing of a message is kept.

    Args:
        decoders: of the documents of each target, by its number.
    """

    def __init__(self, decoders: Mapping[int, Callable[[Any], Any]]) -> None:
        self._decoders = decoders
        self._documents: dict[int, dict[str, Any]] = {target: {} for target in decoders}
        self._current: set[int] = set()
        self._changed = True

    def take(self, response: Any) -> bool:
        """Take one message; whether there is a new consistent state. Raises `CircuitsUnavailable` when it must end."""
        kind = response.WhichOneof("response_type")
        match kind:
            case "target_change":
                return self._target(response.target_change)
            case "document_change":
                change = response.document_change
                self._drop(change.document.name, change.removed_target_ids)
                for target in change.target_ids:
                    self._documents[target][change.document.name] = self._decoders[target](change.document)
                self._changed = True
            case "document_delete" | "document_remove":
                change = getattr(response, kind)
                self._drop(change.document, change.removed_target_ids)
            case "filter":
                if response.filter.count != len(self._documents[response.filter.target_id]):
                    raise CircuitsUnavailable("Firestore counts other documents than it sent: everything is asked anew")
            case _:  # nothing that concerns documents
                pass
        return False

    def state(self, target: int) -> list[Any]:
        """The documents that belong to a target."""
        return list(self._documents[target].values())

    def _target(self, change: Any) -> bool:
        targets = list(change.target_ids) or list(self._documents)
        match change.target_change_type:
            case _Change.REMOVE:
                raise CircuitsUnavailable(f"Firestore ended the listening: {change.cause.message[:200]}")
            case _Change.CURRENT:
                self._current.update(targets)
            case _Change.RESET:
                for target in targets:
                    self._documents[target].clear()
                    self._current.discard(target)
                self._changed = True
            case _Change.NO_CHANGE if not change.target_ids and change.HasField("read_time"):
                if self._changed and self._current >= self._documents.keys():
                    self._changed = False
                    return True
        return False

    def _drop(self, name: str, targets: Any) -> None:
        for target in targets:
            if self._documents[target].pop(name, None) is not None:
                self._changed = True
