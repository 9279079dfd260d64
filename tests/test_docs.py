"""What the pages say holds: commands, options, settings, files and links exist; examples run."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import typer

from karttime.cli.example import COMPOSE
from karttime.cli.main import app
from karttime.feeds.declared.spec import FieldRole, parse_spec
from karttime.settings import Settings
from tests.cli.test_serve import serving

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
}
OTHER_NAMES = {variable.name for variable in COMPOSE} | {
    *("KARTTIME_UPSTREAM", "KARTTIME_HTTP_PORT", "KARTTIME_HTTPS_PORT"),  # of the nginx configuration
    *("KARTTIME_TEST_POSTGRESQL", "KARTTIME_TEST_NODE_MODULES", "NO_COLOR"),
    *("FIREBASE_AUTH_EMULATOR_HOST", "FIRESTORE_EMULATOR_HOST", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE"),
}
Command = typer._click.core.Command


def blocks(page: str, language: str) -> list[str]:
    """Fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def lines() -> Iterator[tuple[str, str]]:
    """Every use of the command in a shell block or in a sentence, with its page."""
    for page, text in PAGES.items():
        for block in blocks(page, "sh"):
            for line in block.replace("\\\n", " ").splitlines():
                code = re.split(r"\s#|\s\| |\s>|\s&& ", f"{line} ")[-1 if " && sudo " in line else 0]
                if found := re.search(r"(?:^|/bin/|\bapi )karttime (\w.*)$", code.strip()):
                    yield page, found[1]
        for found in re.finditer(r"`karttime ([a-z][^`]*)`", text):
            yield page, found[1]


def resolve(words: list[str]) -> tuple[Command, list[str]]:
    """The command that words name, and what is left of them."""
    command: Command = typer.main.get_command(app)
    while words and (commands := getattr(command, "commands", None)):
        assert words[0] in commands, f"there is no command {words[0]}"
        command, words = commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize(("page", "line"), sorted(set(lines())))
def test_every_command_and_option_exists(page: str, line: str) -> None:
    """Groups, subcommands and options alike."""
    command, rest = resolve(shlex.split(line.replace("…", "").replace("'", "")))
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    used = {word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)}
    assert used <= known | {"--help", "--install-completion"}, page


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_exists(page: str) -> None:
    """What is written as `NAME` or `NAME=value` with an underscore, or is one of ours without."""
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`", PAGES[page]))
    named |= set(re.findall(r"^\s*(?:export )?([A-Z][A-Z0-9]*_[A-Z0-9_]+)=", PAGES[page], re.MULTILINE))
    known = {name.upper() for name in Settings.model_fields} | OTHER_NAMES
    assert named <= known


def anchors(text: str) -> set[str]:
    """What a heading is linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """To a file of ours, and to a heading in it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    """In `backticks`, below a folder of ours."""
    for name in re.findall(r"`((?:deploy|docs|karttime|tests|recordings|\.ci)/[\w./-]+)`", PAGES[page]):
        if name not in {"deploy/certificates", "docs/websocket"}:
            assert (ROOT / name).exists(), f"{page}: {name}"


def test_every_page_is_found_from_the_readme() -> None:
    """A page that nobody links is one that nobody reads."""
    linked = set(re.findall(r"\]\((?:docs/)?([\w-]+\.md)", "".join(PAGES.values())))
    assert {Path(page).name for page in PAGES} - {"README.md"} <= linked


def test_the_declaration_of_a_feed_is_one() -> None:
    """The page's own example is read, and every role is named on it."""
    [example] = blocks("docs/feeds.md", "json")
    assert parse_spec(example).laps.by == "count"
    named = set(re.findall(r"`(\w+)`", PAGES["docs/feeds.md"]))
    roles = {role.value for role in FieldRole if not role.value.startswith("sector_")}
    assert roles <= named, roles - named


def first_lines(command: list[str], wanted: int) -> list[str]:
    """What a program prints first; it is ended then."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        timer = threading.Timer(20, process.kill)
        timer.start()
        found = [line.strip() for line, _ in zip(process.stdout, range(wanted), strict=False)]
        timer.cancel()
        process.kill()
        _, errors = process.communicate()
    assert len(found) == wanted, errors
    return found


def node() -> list[str]:
    """Node with a WebSocket of its own, such as Debian's is not."""
    program = shutil.which("node")
    version = 0
    if program is not None:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        version = int(told.strip().lstrip("v").partition(".")[0])
    if program is None or version < 20:
        return []
    return [program, *(["--experimental-websocket", "--no-warnings"] if version < 22 else [])]


def test_the_examples_follow_a_race(tmp_path: Path) -> None:
    """Python and JavaScript as they stand on the page, and the calls of REST, against a service that runs."""
    [python], [script] = blocks("docs/api.md", "python"), blocks("docs/api.md", "js")
    (tmp_path / "follow.py").write_text(python)
    (tmp_path / "follow.mjs").write_text(script)
    programs, program = [[sys.executable, str(tmp_path / "follow.py")]], node()
    if program:
        programs.append([*program, str(tmp_path / "follow.mjs")])
    with serving(tmp_path, "--demo") as (_, address), ThreadPoolExecutor() as threads:
        running = [threads.submit(first_lines, [*it, f"ws://{address}", "demo"], 4) for it in programs]
        for line in blocks("docs/api.md", "sh")[0].splitlines():
            call = shlex.split(line.replace("127.0.0.1:8000", address))
            answer = subprocess.run([*call, "-sS", "-f"], capture_output=True, text=True, check=True).stdout
            assert json.loads(answer) if "csv" not in line else answer.count("\n") > 1, line
        for said in (it.result() for it in running):
            assert sum(line.startswith("leader: ") for line in said) >= 2, said
            assert any(line.startswith("timing system: live") for line in said), said
    if not program:
        pytest.skip("the example in JavaScript was not run: Node 20 or newer is not installed")
