"""`deploy/.env.example` is what `karttime config --example` prints, and a file that can be used as it is."""

from pathlib import Path

from karttime.cli.example import example
from karttime.settings import Settings, load

FILE = Path(__file__).parents[2] / "deploy" / ".env.example"


def test_the_file_is_generated() -> None:
    """Anew with `karttime config --example > deploy/.env.example`."""
    assert FILE.read_text(encoding="utf-8") == example()


def test_every_setting_is_in_it_and_acts_as_its_default_says(tmp_path: Path) -> None:
    """With every mark taken away the settings are the same as without the file."""
    text = example()
    for name in Settings.model_fields:
        assert f"\n#{name.upper()}=" in text
    active = "\n".join(line[1:] if line.startswith("#") and " " not in line[:2] else line for line in text.splitlines())
    (tmp_path / ".env").write_text(active)
    assert load(tmp_path / ".env") == load(None)
