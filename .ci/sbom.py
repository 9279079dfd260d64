"""What karttime is made of: every library that its installation brings, with version and licence.

`python .ci/sbom.py` writes `docs/dependencies.md` and `docs/sbom.cdx.json` (CycloneDX 1.5); `--check` says whether they
are what it would write. Versions are those of `constraints.txt`, licences what the installed packages say.
"""

import re
import sys
import tomllib
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import orjson
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TABLE, SBOM = ROOT / "docs" / "dependencies.md", ROOT / "docs" / "sbom.cdx.json"
SHIPPED = ("", "postgres", "firebase")
LONG = {  # of packages that have the whole text, or a sentence, where others have a name
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def licence(package: Distribution) -> str:
    """Of a package, as an SPDX expression where it says enough."""
    told = package.metadata
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    classes = [it.rpartition(" :: ")[2] for it in told.get_all("Classifier") or () if it.startswith("License ::")]
    classes = [it for it in classes if it != "OSI Approved"]
    text = (told.get("License") or "").strip()
    named = classes or ([text] if text and len(text) < 60 else [])
    return " AND ".join(sorted({LONG.get(it, it) for it in named})) or "not said"


def pins() -> dict[str, str]:
    """Versions by canonical name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def closure() -> dict[str, tuple[str, set[str]]]:
    """Every package by canonical name: its own name, and for which extras of ours it is needed; "" is always."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, tuple[str, set[str]]] = {}
    for extra in SHIPPED:
        wanted = project["optional-dependencies"][extra] if extra else project["dependencies"]
        waiting = [Requirement(it) for it in wanted]
        seen: set[tuple[str, frozenset[str]]] = set()
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            if (name, frozenset(requirement.extras)) in seen:
                continue
            seen.add((name, frozenset(requirement.extras)))
            package = distribution(name)
            found.setdefault(name, (package.metadata["Name"], set()))[1].add(extra)
            for line in package.requires or ():
                needed = Requirement(line)
                extras = ["", *requirement.extras]
                if needed.marker is None or any(needed.marker.evaluate({"extra": it}) for it in extras):
                    waiting.append(needed)
    return dict(sorted(found.items()))


def table(packages: dict[str, tuple[str, set[str]]], versions: dict[str, str]) -> str:
    """For people."""
    lines = [
        "# What karttime is made of",
        "",
        "Every library that an installation brings, made by `python .ci/sbom.py`; for programs: [sbom.cdx.json]"
        "(sbom.cdx.json).",
        "",
        "| library | version | licence | needed for |",
        "|---|---|---|---|",
    ]
    for key, (name, extras) in packages.items():
        needed = "everything" if "" in extras else ", ".join(f"`{extra}`" for extra in sorted(extras))
        lines.append(f"| {name} | {versions[key]} | {licence(distribution(key))} | {needed} |")
    return "\n".join(lines) + "\n"


def sbom(packages: dict[str, tuple[str, set[str]]], versions: dict[str, str]) -> bytes:
    """For programs, as CycloneDX."""
    [ours] = re.findall(r'^__version__ = "(.+)"', (ROOT / "karttime" / "__init__.py").read_text(), re.MULTILINE)
    components: list[dict[str, Any]] = []
    for key, (name, _) in packages.items():
        said = licence(distribution(key))
        known = " " not in said or " AND " in said or " OR " in said
        components.append(
            {
                "type": "library",
                "name": name,
                "version": versions[key],
                "purl": f"pkg:pypi/{key}@{versions[key]}",
                "licenses": [{"expression": said} if known else {"license": {"name": said}}],
            }
        )
    about = {"component": {"type": "application", "name": "karttime", "version": ours}}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about}
    return orjson.dumps(document | {"components": components}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def main() -> None:
    """Write both, or say whether they are as they should be."""
    packages, versions = closure(), pins()
    unpinned = packages.keys() - versions.keys()
    if unpinned:
        sys.exit(f"constraints.txt has no version of {', '.join(sorted(unpinned))}")
    made = {TABLE: table(packages, versions).encode(), SBOM: sbom(packages, versions)}
    for path, content in made.items():
        if "--check" not in sys.argv:
            path.write_bytes(content)
        elif path.read_bytes() != content:
            sys.exit(f"{path.name} is not what is installed: python .ci/sbom.py writes it anew")


if __name__ == "__main__":
    main()
