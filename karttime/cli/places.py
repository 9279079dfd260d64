"""Where the service's files are."""

import hashlib
from pathlib import Path

import platformdirs

from karttime.settings import Settings
from karttime.storage.engines import parse_url


def journal_path(settings: Settings, url: str) -> Path:
    """The journal: beside an SQLite file; for a server, in the user's data folder, one for each database."""
    if settings.journal_path is not None:
        return settings.journal_path.expanduser()
    address = parse_url(url)
    if address.get_backend_name() == "sqlite":
        file = Path(address.database or "").expanduser()
        return file.with_name(f"{file.stem}.journal.db")
    name = hashlib.sha256(f"{address.host}:{address.port}/{address.database}".encode()).hexdigest()[:12]
    return platformdirs.user_data_path("karttime") / f"{name}.journal.db"
