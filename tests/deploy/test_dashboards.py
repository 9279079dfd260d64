"""The Grafana dashboard and the alert rules ask for what `/metrics` really has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import yaml
from prometheus_client.parser import text_string_to_metric_families

from karttime.engine.status import CollectorState
from tests.api.conftest import opening, serving

DEPLOY = Path(__file__).parents[2] / "deploy"
OTHERS = {"up"}  # Prometheus' own

Exported = dict[str, dict[str, set[str]]]
"""Every sample's name, with its labels and their values."""


def alerts() -> list[dict[str, Any]]:
    """Every alert rule."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    """Every panel of the dashboard."""
    dashboard = orjson.loads((DEPLOY / "grafana" / "karttime.json").read_bytes())
    found: list[dict[str, Any]] = dashboard["panels"]
    return found


def expressions() -> list[str]:
    """All that is asked of Prometheus."""
    return [rule["expr"] for rule in alerts()] + [target["expr"] for panel in panels() for target in panel["targets"]]


def asked(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Names of metrics, and the labels that are chosen of them."""
    for name, labels in re.findall(r"\b((?:karttime|process|up)(?:_\w+)?)\b(?:\{([^}]*)\})?", expression):
        yield name, dict(re.findall(r'(\w+)=~?"([^"]*)"', labels))


async def exported(folder: Path) -> Exported:
    """What a service with data says."""
    async with serving(folder) as venue:
        await venue.publish(*opening())
        async with venue.watch() as watcher:
            await watcher.next("status_update")
            text = (await venue.http.get("/metrics")).text
    found: Exported = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
        found.setdefault(family.name if family.type != "counter" else f"{family.name}_total", {})
    return found


async def test_every_metric_and_label_that_is_asked_for_is_exported(tmp_path: Path) -> None:
    """By name, and where a value is written out, by value."""
    there = await exported(tmp_path)
    names = 0
    for expression in expressions():
        for name, labels in asked(expression):
            names += 1
            assert name in there or name in OTHERS, f"{name} is not exported: {expression}"
            for label, values in labels.items():
                if label in {"instance", "job"} or values.startswith("$") or not there[name]:
                    continue
                assert label in there[name], f"{name} has no label {label}"
                assert set(values.split("|")) <= there[name][label], f"{name} has no {label}={values}"
    assert names > 40


def test_rules_and_panels_are_whole() -> None:
    """States that an alert names exist; panels have places of their own, alerts a summary and a severity."""
    states = {
        value for rule in alerts() for value in re.findall(r'karttime_feed_state\{state=~?"([^"]+)"', rule["expr"])
    }
    assert {state for group in states for state in group.split("|")} <= {state.value for state in CollectorState}
    assert len({(it["gridPos"]["x"], it["gridPos"]["y"]) for it in panels()}) == len(panels())
    assert all(panel["title"] for panel in panels())
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    assert all(rule["annotations"]["summary"] and rule["labels"]["severity"] in {"page", "warn"} for rule in alerts())
