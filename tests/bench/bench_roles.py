"""How many fields inference gives the right role: `python tests/bench/bench_roles.py [--synthetic N]`, by hand.

Reads the captures of other systems and what is known of them (`../shared/truth/other.json`), and made-up feeds whose
truth is known, and prints precision and recall per system and per role. A field counts as found when one of its paths
has one of the roles that the truth allows; it counts as wrong when a role that the truth excludes is claimed, and as
wrong and sure when that is claimed with 0.8 or more.
"""

import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from karttime.analysis.inference.findings import FieldFound
from karttime.analysis.inference.study import study
from karttime.feeds.frame import Frame
from karttime.recording.merge import read_frames

SHARED = Path(__file__).resolve().parents[3] / "shared"
SURE = 0.8

ROLES: Sequence[tuple[str, frozenset[str]]] = tuple(
    (words, frozenset(roles.split()))
    for words, roles in (
        ("class rank", "class_position position undecided"),
        ("^gap", "gap"),
        ("session best|only 9", ""),
        ("row key|car number|kart number|kart$|start number", "number id"),
        ("transponder", "transponder id"),
        ("^position", "position class_position"),
        ("driver/team", "driver team"),
        ("team/car/class", "team class driver"),
        ("driver", "driver"),
        ("^team", "team"),
        ("last lap|^lap$", "last_lap lap_time"),
        ("best lap", "best_lap"),
        ("average", "average_lap"),
        ("^gap", "gap"),
        ("^interval", "interval"),
        ("sectors", " ".join(f"sector_{n}" for n in range(1, 10)) + " best_sector"),
        ("pit stops|^pits?|pit time|pit flag", "in_pit pit_stops pit_time status last_lap undecided"),
        ("status/flag", "status flag"),
        ("^status", "status flag in_pit undecided"),
        ("flag", "flag"),
        ("clock|^minutes", "clock_remaining clock_elapsed total_time time_of_day undecided"),
        ("passing", "passing total_time time_of_day clock_elapsed undecided"),
        ("^laps", "laps last_lap best_lap lap_number"),
        ("messages|penalties", "message penalty flag"),
        ("session", "session track"),
    )
)
"""What the words of the truth allow; what nobody can decide from a sample may stay undecided."""


def allowed(role: str) -> frozenset[str]:
    """The roles that a description allows; empty where the list of roles has none for it."""
    return next((roles for words, roles in ROLES if re.search(words, role)), frozenset())


def leaves(path: str) -> Iterator[str]:
    """The names of fields in a path of the truth: `.InPit,.PitOut` are two, `.I1..I3` are three."""
    for part in re.split(r"[,/{}]", path):
        for number in _range(part.strip().split(".")[-1] if ".." not in part else part.strip(" .")):
            name = number.split(".")[-1].replace("[]", "").strip("<> ")
            if name and not name.isdigit():
                yield name


def _range(part: str) -> list[str]:
    found = re.fullmatch(r"\.?(.*?)(\d)([A-Za-z]*)\.\.\.?.*?(\d)\3", part)
    if found is None:
        return [part]
    return [f"{found[1]}{number}{found[3]}" for number in range(int(found[2]), int(found[4]) + 1)]


def score(fields: Iterable[FieldFound], truth: Sequence[dict[str, str]]) -> dict[str, Counter[str]]:
    """Found, missed, wrong and wrong-and-sure by role of the truth."""
    by_name: dict[str, list[FieldFound]] = defaultdict(list)
    for found in fields:
        for name in set(re.split(r"[.:\[\] ]+", found.path)):
            by_name[name.lower()].append(found)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in truth:
        roles = allowed(entry["role"])
        for name in leaves(entry["path"]) if roles else ():
            here = by_name.get(name.lower(), [])
            if not here:
                continue  # not in this sample
            first = next(iter(sorted(roles - {"undecided"})))
            kind = "sector" if first.startswith(("sector", "best_sector")) else entry["role"].split(" ")[0].lower()
            claimed = [found for found in here if found.role.value != "undecided"]
            right = any(found.role.value in roles for found in claimed) or (not claimed and "undecided" in roles)
            wrong = [found for found in claimed if found.role.value not in roles]
            counts[kind]["found" if right else "missed"] += 1
            counts[kind]["wrong"] += bool(wrong) and not right
            counts[kind]["sure"] += bool(wrong) and not right and max(f.confidence for f in wrong) >= SURE
    return counts


def frames_of(folder: Path) -> Iterator[tuple[str, list[Frame]]]:
    for path in sorted(folder.iterdir()):
        yield path.name, list(read_frames([path]))


def line(name: str, counts: Counter[str]) -> str:
    claimed = counts["found"] + counts["wrong"]
    precision = counts["found"] / claimed if claimed else 1.0
    total = counts["found"] + counts["missed"]
    return f"{name:52} {precision:9.2f} {counts['found'] / total if total else 1:7.2f} {total:7} {counts['sure']:6}\n"


def captures() -> None:
    truth = json.loads((SHARED / "truth" / "other.json").read_text(encoding="utf-8"))
    truth["f1-feed"]["fields"] = truth["f1-signalr"]["fields"]
    roles: dict[str, Counter[str]] = defaultdict(Counter)
    for folder in sorted((SHARED / "captures" / "other").iterdir()):
        for name, frames in frames_of(folder):
            began = time.perf_counter()
            found = study(frames)
            took = time.perf_counter() - began
            counts = score(found.fields, truth[folder.name]["fields"])
            for role, count in counts.items():
                roles[role] += count
            total = sum(counts.values(), Counter())
            sys.stdout.write(line(f"{folder.name}/{name[:26]} {took:.1f} s", total))
    sys.stdout.write("\n")
    for role, count in sorted(roles.items()):
        sys.stdout.write(line(role, count))
    sys.stdout.write(line("all", sum(roles.values(), Counter())))


def synthetic(many: int) -> None:
    from tests.analysis.synthetic import judge, make

    total: Counter[str] = Counter()
    for seed in range(1, many + 1):
        feed = make(seed)
        total += judge(feed, study(feed.frames))
    share = total["right"] / total["decidable"]
    sys.stdout.write(
        f"{many} made-up feeds: {share:.1%} of {total['decidable']} decidable fields, {total['sure']} sure and wrong\n"
    )


def main() -> None:
    sys.stdout.write(f"{'':52} precision  recall  fields  wrong and sure\n")
    captures()
    if "--synthetic" in sys.argv:
        synthetic(int(sys.argv[sys.argv.index("--synthetic") + 1]))


if __name__ == "__main__":
    main()
