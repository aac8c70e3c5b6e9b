"""The alerts fire when they should, and the dashboard asks for what there is."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.manifests import DEPLOY, problems

FOLDER = DEPLOY / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())["spec"]
TESTS = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())
GRAPHS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in GRAPHS for target in panel["targets"]]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
EXPRESSIONS = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]


def promtool(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run promtool; skip the test where it is missing."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed; scripts/promtool.sh installs it")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def _run_tests(folder: Path, rules: Any) -> "subprocess.CompletedProcess[str]":
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(FOLDER / "rules_test.yaml", folder)
    return promtool("test", "rules", str(folder / "rules_test.yaml"))


def test_the_rules_pass_their_tests(tmp_path: Path) -> None:
    """Each alert fires with its labels and texts, and none at a step that works."""
    done = _run_tests(tmp_path, RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_that_never_fires_fails_its_test(tmp_path: Path, name: str) -> None:
    """Guards the test above: the tests hold each alert."""
    rules = json.loads(json.dumps(RULES))
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        if rule.get("alert") == name:
            rule["expr"] = f"({rule['expr']}) and on () vector(1) == 0"
    assert _run_tests(tmp_path, rules).returncode != 0


def test_every_alert_has_a_test_in_which_it_does_not_fire() -> None:
    """The first test is a step that works well; some alerts have closer ones."""
    quiet = {each["alertname"] for each in TESTS["tests"][0]["alert_rule_test"]}
    assert quiet == ALERTS.keys()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    """Pages that it names exist."""
    for rule in ALERTS.values():
        assert rule["labels"]["severity"] in ("info", "warning", "critical")
        assert rule["annotations"].keys() == {"summary", "description", "action"}
        pages = re.findall(r"docs/[\w/.-]+\.md", rule["annotations"]["action"])
        assert [page for page in pages if not (DEPLOY.parent / page).is_file()] == []


def test_the_dashboard_fulfils_the_schema_of_grafana() -> None:
    """A member with a slip of the pen would be ignored."""
    assert problems("grafana-dashboard", DASHBOARD) == []
    assert problems("grafana-dashboard", {**DASHBOARD, "refreshes": "30s"}) != []
    broken = json.loads(json.dumps(DASHBOARD))
    broken["panels"][0]["options"]["colourMode"] = "value"
    assert problems("grafana-dashboard", broken) != []


def test_the_panels_of_the_dashboard_have_places_of_their_own() -> None:
    """And ids and titles."""
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x, y in itertools.product(range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"]))
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)


def test_prometheus_can_read_every_query_of_the_dashboard(tmp_path: Path) -> None:
    """With values in place of Grafana's variables."""
    values = {"__rate_interval": "5m", "__range": "3h", "namespace": "n", "flow": "f", "step": "s"}
    queries = [re.sub(r"\$(\w+)", lambda name: values[name[1]], each) for each in QUERIES]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = promtool("check", "rules", str(tmp_path / "queries.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rules) > 25
