"""The dashboard's settings file: other keys, and a theme.

```toml
theme = "karttime-high-contrast"

[keys]                     # by the names that `?` shows; several keys are separated by commas
"app.pause" = "p"
"table.down" = "down,n"
```
"""

import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from karttime.errors import UsageError


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person prefers: keys by the name of a binding, and a theme (empty: the usual one)."""

    keys: Mapping[str, str] = field(default_factory=dict)
    theme: str = ""


def default_path() -> Path:
    """`tui.toml` in the user's configuration folder."""
    return platformdirs.user_config_path("karttime") / "tui.toml"


def load(
    path: Path, *, known: Callable[[], Collection[str]], themes: Collection[str], wanted: bool = False
) -> Preferences:
    """Read the file; nothing is preferred where there is none, unless it is `wanted`. `known` names the keys.

    Raises:
        UsageError: it cannot be read, or says something unknown; the text says what is known.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if wanted:
            raise UsageError(f"there is no settings file {path}") from None
        return Preferences()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the settings file {path} cannot be read: {error}") from None
    theme, keys = told.pop("theme", ""), told.pop("keys", {})
    if told:
        raise UsageError(f"{path}: {', '.join(sorted(told))} means nothing; there are theme and [keys]")
    if not isinstance(theme, str) or (theme and theme not in themes):
        raise UsageError(f"{path}: theme is one of {', '.join(sorted(themes))}")
    if not isinstance(keys, dict):
        raise UsageError(f'{path}: keys is a table, such as [keys] and below it "app.pause" = "p"')
    names = known() if keys else ()
    for name, key in keys.items():
        if name not in names:
            raise UsageError(f"{path}: there is no key {name!r}; there are {', '.join(sorted(names))}")
        if not isinstance(key, str) or not key.strip():
            raise UsageError(f'{path}: {name} is a key such as "p" or "ctrl+p"')
    return Preferences(keys, theme)
