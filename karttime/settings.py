"""Settings: from the environment or a `.env` file in the working directory, read by `cli` alone and passed down.

| name | default | acts on |
|---|---|---|
| `DATABASE_URL` | SQLite file in the user's data folder | where timing rows, laps and sessions are kept |
| `JOURNAL_PATH` | beside the SQLite file, or in the user's data folder | file that holds what clients may see first |
| `JOURNAL_MAX_SIZE` | `2G` | rows that wait for the database, above which the oldest are given up |
| `JOURNAL_FULL_SYNC` | off | each commit waits for the disk itself: safe against a power cut, and slower |
| `HOST`, `PORT` | `127.0.0.1`, `8000` | where `karttime serve` listens |
| `WORKERS` | `1` | processes that share the port; with more than one, another one collects |
| `AUTH_POLICY` | `open` on loopback, else `app` | what needs an API key: `open`, `app`, `control`, `all` |
| `FIREBASE_AUTH` | on where one of the next two is set | people who are signed in to the app are known here, too |
| `FIREBASE_PROJECT_ID` | `kartingapp-fef5c` | the Firebase project that the app uses |
| `FIREBASE_CREDENTIALS_PATH` | `./firebase-credentials.json` | service account; signing in alone needs none |
| `FIREBASE_SCOPE` | `admin` | what signed-in people may do where a token is needed: `read`, `control`, `admin` |
| `FIREBASE_CHECK_REVOKED` | off | ask Google whether a sign-in was ended or an account disabled, once a minute |
| `FIREBASE_CLOCK_SKEW` | `10` | seconds that this machine's clock may differ from Google's |
| `FIREBASE_ALLOW_EMULATOR` | off | start although a variable names an emulator, which believes any token |
| `CORS_ORIGINS` | the app's web addresses and localhost | web pages that may talk to us; comma-separated, `*` for all |
| `LOG_LEVEL` | `INFO` | what is logged |
| `LOG_FORMAT` | `console` | lines for people, or `json` for programs |
| `DEBUG` | off | logs everything, and answers to failed calls name the failure |
| `WS_MAX_RECONNECT_ATTEMPTS` | `10` | failed attempts in a row until a feed is given up; `0`: never |
| `WS_MAX_CLIENTS` | `5000` | WebSocket clients at the same time; further ones are told to try later; `0`: any |
| `WS_MAX_CLIENTS_PER_ADDRESS` | `500` | the same for clients from one address; `0`: any |
| `RATE_LIMIT` | `20` | calls a second from one address, and with one key; five times as many at once; `0`: any |
| `WS_COMPRESSION` | off | clients of the live stream that ask for it are sent compressed messages |
| `TRUSTED_PROXIES` | this machine | reverse proxies whose `X-Forwarded-For` is believed: addresses or networks |
| `CIRCUITS_SOURCE` | `firestore` where its key is, else `database` | where circuits are kept |
| `FOLLOW_SELECTION` | off | collect the circuit that is selected in the app |
| `ALLOW_PRIVATE` | off | circuits in private networks and on this machine may be connected to |
| `ANALYSIS_DURATION` | `30` | seconds that an analysis of a feed waits at most for messages |
| `ANALYSIS_MIN_SAMPLES` | `20` | messages that are enough for it |
| `ON_DEMAND_STOP_AFTER` | empty | collect a circuit from its first viewer until so many seconds after the last |
| `RACE_MONITOR_URL` | `https://api.race-monitor.com` | where `racemonitor:RACE_ID` is looked up |
| `RECORD_DIR` | empty | folder for raw recordings of all that is collected; a restart goes on with their session |
| `RECORD_KEEP_DAYS` | `30` | days until a recording is removed; `0`: never |
| `RECORD_KEEP_SIZE` | `20G` | size of all recordings, above which the oldest are removed; `0`: any |

An option of the command line wins over the environment, the environment over `.env`.
"""

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, NoDecode, SettingsConfigDict

from karttime.engine.lookup import BASE, check_base
from karttime.errors import UsageError
from karttime.recording.sizes import parse_size

APP_ORIGINS = (
    "https://kartingapp-fef5c.web.app",
    "https://kartingapp-fef5c.firebaseapp.com",
    "http://localhost:*",
    "http://127.0.0.1:*",
)
"""Where the app's web build is hosted, and where it is developed. `:*` stands for any port."""


def default_database_url() -> str:
    """An SQLite file in the user's data folder."""
    return f"sqlite:///{platformdirs.user_data_path('karttime') / 'karttime.db'}"


class Settings(BaseSettings):
    """Every setting that acts; names are those of the environment, in lower case."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: str = Field(default_factory=default_database_url)
    journal_path: Path | None = None
    journal_max_size: str = "2G"
    journal_full_sync: bool = False
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    auth_policy: Literal["open", "app", "control", "all"] | None = None
    firebase_auth: bool | None = None
    firebase_project_id: str = "kartingapp-fef5c"
    firebase_credentials_path: Path = Path("firebase-credentials.json")
    firebase_scope: Literal["read", "control", "admin"] = "admin"
    firebase_check_revoked: bool = False
    firebase_clock_skew: Annotated[int, Field(ge=0, le=60)] = 10
    firebase_allow_emulator: bool = False
    cors_origins: Annotated[tuple[str, ...], NoDecode] = APP_ORIGINS
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    debug: bool = False
    ws_max_reconnect_attempts: Annotated[int, Field(ge=0)] = 10
    ws_max_clients: Annotated[int, Field(ge=0)] = 5000
    ws_max_clients_per_address: Annotated[int, Field(ge=0)] = 500
    rate_limit: Annotated[float, Field(ge=0, le=100_000)] = 20
    ws_compression: bool = False
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.0/8", "::1")
    circuits_source: Literal["database", "firestore"] | None = None
    follow_selection: bool = False
    allow_private: bool = False
    analysis_duration: Annotated[float, Field(ge=0, le=600)] = 30
    analysis_min_samples: Annotated[int, Field(ge=1, le=10_000)] = 20
    on_demand_stop_after: Annotated[float, Field(ge=0, le=86_400)] | None = None
    race_monitor_url: str = BASE
    record_dir: Path | None = None
    record_keep_days: Annotated[float, Field(ge=0)] = 30
    record_keep_size: str = "20G"

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        if isinstance(value, str):
            value = [part.strip().strip("\"'").rstrip("/") for part in value.strip().strip("[]").split(",")]
            value = [part for part in value if part]
            for origin in value:
                if origin != "*" and not origin.startswith(("http://", "https://")):
                    raise ValueError("every origin is * or begins with http:// or https://")
        return value

    @field_validator("race_monitor_url")
    @classmethod
    def _base(cls, value: str) -> str:
        try:
            return check_base(value)
        except UsageError as error:
            raise ValueError(str(error)) from None

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _proxies(cls, value: object) -> object:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
            for network in value:
                try:
                    ip_network(network)
                except ValueError:
                    raise ValueError(
                        "addresses and networks such as 10.0.0.7,192.168.1.0/24 are wanted, separated by commas"
                    ) from None
        return value

    @field_validator("record_keep_size")
    @classmethod
    def _size(cls, value: str) -> str:
        try:
            if (value := value.strip()) != "0":
                parse_size(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("journal_max_size")
    @classmethod
    def _bounded(cls, value: str) -> str:
        try:
            parse_size(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return value

    @property
    def policy(self) -> str:
        """What needs an API key: as it is set, else nothing on loopback, and what changes something elsewhere."""
        return self.auth_policy or ("open" if self.on_loopback else "app")

    @property
    def sign_in(self) -> bool:
        """Whether people who are signed in to the app are known: as it is set, else where a project is."""
        if self.firebase_auth is not None:
            return self.firebase_auth
        return not self.model_fields_set.isdisjoint({"firebase_project_id", "firebase_credentials_path"})

    @property
    def circuits_from(self) -> Literal["database", "firestore"]:
        """Where circuits are: as it is set, else in Firestore where its key is, or its emulator."""
        if self.circuits_source is not None:
            return self.circuits_source
        path = self.firebase_credentials_path
        wanted = "firebase_credentials_path" in self.model_fields_set or path.expanduser().is_file()
        return "firestore" if wanted or os.environ.get("FIRESTORE_EMULATOR_HOST") else "database"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the service; a name other than localhost is not looked up."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    @field_validator("firebase_project_id")
    @classmethod
    def _project(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9.:-]{2,62}", value := value.strip(), re.ASCII):
            raise ValueError("the id of a Firebase project is wanted, such as kartingapp-fef5c")
        return value

    @field_validator("firebase_credentials_path")
    @classmethod
    def _path(cls, value: Path) -> Path:
        if "{" in str(value) or len(str(value)) > 1000:  # the key itself; hidden in errors
            raise ValueError("the path of a file is wanted, not what is in it")
        return value

    @field_validator("auth_policy", "firebase_scope", "circuits_source", mode="before")
    @classmethod
    def _policy(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("log_format", mode="before")
    @classmethod
    def _format(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("log_level", mode="before")
    @classmethod
    def _level(cls, value: object) -> object:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _url(cls, value: str) -> str:
        if "://" not in value:
            raise ValueError(
                "a database address such as sqlite:///karttime.db or postgresql://user@host/name is wanted"
            )
        return value


def load(env_file: Path | None = Path(".env"), **options: object) -> Settings:
    """Read the settings; `options` given on the command line win, those that are None are left out.

    Raises:
        UsageError: a value is no good; the text names the variable and says what is wanted.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(_env_file=env_file, **given)  # type: ignore[arg-type,call-arg]  # checked at run time, which is what this is for
    except ValidationError as error:
        faults = [f"{str(fault['loc'][0]).upper()}: {_sentence(fault['msg'])}" for fault in error.errors()]
        raise UsageError("bad setting " + "; ".join(faults)) from None
    except UnicodeDecodeError:
        raise UsageError(f"{env_file} is no UTF-8 text: save it as UTF-8") from None


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting as it acts: its value as text without secrets, and where that came from."""

    name: str
    value: str
    source: Literal["default", ".env", "environment"]


def shown(env_file: Path | None = Path(".env")) -> list[Shown]:
    """Every setting, in order of their names.

    Raises:
        UsageError: a value is no good; the text names the variable and says what is wanted.
    """
    settings = load(env_file)
    in_environment = EnvSettingsSource(Settings)()
    in_file = DotEnvSettingsSource(Settings, env_file=env_file)() if env_file is not None else {}
    found: list[Shown] = []
    for name in sorted(Settings.model_fields):
        source: Literal["default", ".env", "environment"] = "default"
        if name in in_environment:
            source = "environment"
        elif name in in_file:
            source = ".env"
        acting: dict[str, object] = {
            "auth_policy": settings.policy,
            "firebase_auth": settings.sign_in,
            "circuits_source": settings.circuits_from,
        }
        value = acting.get(name, getattr(settings, name))
        found.append(Shown(name.upper(), text_of(value), source))
    return found


def text_of(value: object) -> str:
    """A value as it stands in the environment, without the password of an address."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else masked(str(value))


def masked(text: str) -> str:
    """An address without the password in it, whether before the host or among its parameters."""
    text = re.sub(r"(://[^/?#@:]*):.*@", r"\1:***@", text)
    return re.sub(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&#]*", r"\1***", text, flags=re.IGNORECASE)


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text if text != message and message.startswith("Value error") else f"should be {text}"
