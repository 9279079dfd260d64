"""The AsyncAPI 3 document of the live stream, made of the shapes in `messages` and `v1_messages`."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from karttime import __version__
from karttime.api import messages, v1_messages
from karttime.api.frames import CloseCode
from karttime.api.wire import WireFormat

SENT: Final[Mapping[str, tuple[type[BaseModel], ...]]] = {
    WireFormat.KARTING.value: (messages.KartingDataMessage,),
    WireFormat.TIMING.value: (messages.TimingDataMessage,),
    WireFormat.V1.value: (v1_messages.SnapshotMessage, v1_messages.PatchMessage, v1_messages.ResumedMessage),
    "every format": (messages.StatusUpdateMessage, messages.PongMessage, messages.ErrorMessage),
}
TAKEN: Final[tuple[type[BaseModel], ...]] = (messages.PingMessage, messages.AuthMessage)


class Closing(NamedTuple):
    """Why the service closes a connection, and what a client does about it."""

    why: str
    then: str


CLOSE_CODES: Final[Mapping[CloseCode, Closing]] = {
    CloseCode.NORMAL: Closing("The client closed.", ""),
    CloseCode.PROTOCOL_ERROR: Closing("The client broke the WebSocket protocol.", "Mend the client."),
    CloseCode.INVALID_TEXT: Closing("A text message was no UTF-8.", "Mend the client."),
    CloseCode.POLICY: Closing("Too many bytes or pings.", "Send less, and connect again."),
    CloseCode.TOO_BIG: Closing("A message had more than 4096 bytes.", "Mend the client."),
    CloseCode.INTERNAL: Closing("The service cannot serve this circuit, or has a fault.", "Try again, less often."),
    CloseCode.RESTART: Closing("The service restarts.", "Connect again soon, with epoch and seq."),
    CloseCode.TRY_LATER: Closing("Too many clients, or sign-ins cannot be checked now.", "Try again later."),
    CloseCode.UNKNOWN_CIRCUIT: Closing("There is no such circuit.", "GET /circuits lists them."),
    CloseCode.BAD_REQUEST: Closing("`format` names none that is known.", "Mend the address."),
    CloseCode.NO_TOKEN: Closing("A token is needed, and none that is good came in time.", "Sign in, or ask for a key."),
    CloseCode.FORBIDDEN: Closing("The web page, the key or the account is not allowed.", "Ask the operator."),
    CloseCode.TOO_MANY: Closing("Too many messages, or too many clients from this address.", "Send less; close some."),
}

_CHANNEL: Final = "/circuits/{circuit_id}/live"
_SCHEMAS: Final = "#/components/schemas/{model}"
_ABOUT: Final = """The live stream of one circuit. Text frames of JSON, one message each.

`?format=` or the subprotocol of the same name chooses what is sent; without a choice both published formats come. The
whole state is sent right after connecting, then what changes. The connection is accepted first and then, where it
cannot be served, closed with a code that says why. The loss of the timing system is a `status_update`, never a close.
"""
_QUERY: Final = {
    "type": "object",
    "properties": {
        "format": {
            "type": "string",
            "enum": ["both", *(fmt.value for fmt in WireFormat)],
            "description": "What is sent; a subprotocol of the same name says the same.",
        },
        "epoch": {"type": "string", "description": "karttime.v1: of the last message that was received."},
        "seq": {"type": "integer", "minimum": 0, "description": "karttime.v1: the number of that message."},
        "token": {"type": "string", "description": "A key or an ID token, where none can be sent in a header."},
    },
}


@cache
def document() -> dict[str, Any]:
    """The document; it says the same as long as the process runs."""
    shapes = [shape for group in SENT.values() for shape in group] + list(TAKEN)
    _, made = models_json_schema([(shape, "validation") for shape in shapes], ref_template=_SCHEMAS)
    told = {_name(shape): _message(shape, made["$defs"][shape.__name__]) for shape in shapes}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "karttime live stream", "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {"live": _channel(told)},
        "operations": {
            **{f"send-{name.replace(' ', '-')}": _operation(name, group) for name, group in SENT.items()},
            "receive": {
                "action": "receive",
                "channel": {"$ref": "#/channels/live"},
                "summary": "What a client may send; anything else gets an error message, at a bounded rate.",
                "messages": [_ref(shape) for shape in TAKEN],
            },
        },
        "components": {"messages": told, "schemas": made["$defs"]},
        "x-close-codes": [
            {"code": code.value, "why": closing.why, "then": closing.then} for code, closing in CLOSE_CODES.items()
        ],
    }


def _channel(told: Mapping[str, Any]) -> dict[str, Any]:
    headers = {
        "type": "object",
        "properties": {
            "Authorization": {"type": "string", "description": "Bearer <key or ID token>, where AUTH_POLICY wants one."}
        },
    }
    return {
        "address": _CHANNEL,
        "description": _ABOUT,
        "parameters": {"circuit_id": {"description": "Which circuit.", "examples": ["hill-kart"]}},
        "bindings": {"ws": {"method": "GET", "query": _QUERY, "headers": headers, "bindingVersion": "0.1.0"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in told},
    }


def _operation(name: str, group: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/live"},
        "summary": "Sent in every format." if name == "every format" else f"Sent to clients of `{name}`.",
        "messages": [_ref(shape) for shape in group],
    }


def _message(shape: type[BaseModel], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": _name(shape),
        "summary": str(schema["description"]).split("\n", maxsplit=1)[0],
        "contentType": "application/json",
        "payload": {"$ref": _SCHEMAS.format(model=shape.__name__)},
        "examples": [{"payload": example} for example in schema["examples"]],
    }


def _ref(shape: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/channels/live/messages/{_name(shape)}"}


def _name(shape: type[BaseModel]) -> str:
    """The message's `type`, which no two share."""
    (name,) = shape.model_fields["type"].annotation.__args__  # type: ignore[union-attr]  # a Literal of one
    return str(name)
