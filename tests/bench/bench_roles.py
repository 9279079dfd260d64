"""How many fields inference gives the right role: `python tests/bench/bench_roles.py [--synthetic N]`, by hand.

Reads the captures of other systems and what is known of them (`../shared/truth/other.json`), and made-up feeds whose
truth is known, and prints precision and recall per system and per role. A field of the truth counts as found when a
field where it stands has one of the roles that are right; it counts as wrong when another role is claimed, and every
field that has one with 0.8 or more is wrong and sure. `--missed` lists what was not found.
"""

import json
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from karttime.analysis.inference.findings import FieldFound
from karttime.analysis.inference.study import study
from karttime.feeds.frame import Frame
from karttime.recording.merge import read_frames

SHARED = Path(__file__).resolve().parents[3] / "shared"
SURE = 0.8

ROLES: Sequence[tuple[str, str, str]] = (
    ("", "row key|session best|only 9|display row|list \\+|duplicate|fastest marker|finished$|^stint|rating", ""),
    ("class position", "class rank", "class_position position undecided"),
    ("number", "car number|kart number|^kart$|start number", "number id"),
    ("transponder", "transponder", "transponder id"),
    ("position", "^position", "position class_position"),
    ("driver, team, class", "^driver/team|^team/car/class", "driver team class"),
    ("driver", "^driver", "driver"),
    ("team", "^team", "team"),
    ("last lap", "^last lap|^lap$", "last_lap lap_time"),
    ("best lap", "^best lap", "best_lap"),
    ("average lap", "^average", "average_lap"),
    ("gap", "^gap", "gap"),
    ("interval", "^interval", "interval"),
    ("sectors", "^sectors", " ".join(f"sector_{n}" for n in range(1, 10)) + " best_sector"),
    ("pits", "^pits?|^stint", "in_pit pit_stops pit_time status undecided"),
    ("status", "^status/flag", "status flag"),
    ("status", "^status", "status flag in_pit undecided"),
    ("flag", "^flag", "flag"),
    ("clock", "^clock|^minutes", "clock_remaining clock_elapsed total_time time_of_day undecided"),
    ("passing", "passing", "passing total_time time_of_day clock_elapsed undecided"),
    ("laps", "^laps", "laps last_lap best_lap lap_number"),
    ("messages", "^messages|^penalties", "message penalty flag"),
    ("session", "^session", "session track"),
)
"""What a role is called here, the words of the truth for it, and what is right for them; what nobody can decide from
a sample may stay undecided. The first line is of what is no role."""


def allowed(text: str) -> tuple[str, frozenset[str]]:
    """The name of the role that a description is about, and the roles that are right for it: none for no role."""
    for name, words, roles in ROLES:
        if re.search(words, text):
            return name, frozenset(roles.split())
    return "", frozenset()


Pattern = tuple[str, ...]


def patterns(path: str) -> Iterator[tuple[bool, Pattern]]:
    """The paths in one of the truth, and whether each is within a row: `.InPit,.PitOut` are two, `.I1..I3` three.

    `<no>`, an index and `[]` mean any; what stands before the last dot of the first holds for those without a dot.
    """
    for group in _braces(path):
        parts = [part.strip() for part in re.split(r"[,/]", group)]
        stem = parts[0].rpartition(".")[0]
        for part in parts:
            for one in _range(part):
                whole = one if "." in one or one is parts[0] else f"{stem}.{one}" if stem else one
                whole = whole.rpartition(" ")[2]
                found = tuple("*" if s.startswith("<") else s for s in whole.replace("[]", ".*").split(".") if s)
                if found:
                    yield whole.startswith("."), found


def _braces(path: str) -> list[str]:
    found = re.fullmatch(r"(.*)\{(.*)\}", path)
    return [f"{found[1]}{name}" for name in found[2].split(",")] if found else [path]


def _range(part: str) -> list[str]:
    found = re.fullmatch(r"\.?(.*?)(\d)([A-Za-z]*)\.\.\.?.*?(\d)\3", part)
    if found is None:
        return [part]
    return [f".{found[1]}{number}{found[3]}" for number in range(int(found[2]), int(found[4]) + 1)]


def matches(found: FieldFound, pattern: Pattern, *, in_row: bool) -> bool:
    """Whether a field stands where the truth says; within a row that is everything after the row."""
    path = found.path.replace(": ", ".").replace("[]", ".*").lower()
    if in_row:
        path = path.rpartition("*.")[2]
    segments = ["*" if segment.isdigit() else segment for segment in path.split(".") if segment]
    if in_row and len(segments) != len(pattern):
        return False
    if segments[:1] == ["*"]:  # the list is the message
        pattern = pattern[-len(segments) :]
    last = segments[-len(pattern) :]
    return len(last) == len(pattern) and all(b in ("*", a) for a, b in zip(last, map(str.lower, pattern), strict=True))


def score(fields: Sequence[FieldFound], truth: Sequence[dict[str, str]]) -> dict[str, Counter[str]]:
    """Found, missed, wrong and wrong-and-sure by role of the truth; every field that is surely wrong counts."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in truth:
        name, roles = allowed(entry["role"])
        for in_row, pattern in patterns(entry["path"]) if roles else ():
            here = [found for found in fields if matches(found, pattern, in_row=in_row)]
            if not here:
                continue  # not in this sample
            claimed = [found for found in here if found.role.value != "undecided"]
            right = any(found.role.value in roles for found in claimed) or (not claimed and "undecided" in roles)
            wrong = [found for found in claimed if found.role.value not in roles]
            counts[name]["found" if right else "missed"] += 1
            counts[name]["wrong"] += bool(wrong) and not right
            counts[name]["sure"] += sum(found.confidence >= SURE for found in wrong)
            for found in wrong:
                if found.confidence >= SURE:
                    sys.stderr.write(f"surely wrong: {found.path} as {found.role}, which is {entry['role']}\n")
            if not right and "--missed" in sys.argv:
                sys.stderr.write(f"missed: {'.'.join(pattern)} {entry['role']}: {[f.role.value for f in here]}\n")
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
