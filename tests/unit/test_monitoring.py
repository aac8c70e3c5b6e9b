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
from prometheus_client.parser import text_string_to_metric_families

from shipmate.container.operations.health import Health
from shipmate.container.operations.metrics import Metrics
from shipmate.container.operations.tally import Tally
from shipmate.settings import FlowSettings
from tests.manifests import DEPLOY, problems
from tests.memory_transport import MemoryTransport

FOLDER = DEPLOY / "monitoring"
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())["spec"]
TESTS = yaml.safe_load((FOLDER / "rules_test.yaml").read_text())
GRAPHS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in GRAPHS for target in panel["targets"]]
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"] if "alert" in rule}
EXPRESSIONS = [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
SERIES = [series["series"] for test in TESTS["tests"] for series in test["input_series"]]
OF_THE_SCRAPE = {"namespace", "pod"}
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}


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


def test_alerts_that_never_fire_fail_their_tests(tmp_path: Path) -> None:
    """Guards the test above: each alert has a test in which it fires."""
    rules = json.loads(json.dumps(RULES))
    for rule in (rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule):
        rule["expr"] = f"({rule['expr']}) and on () vector(1) == 0"
    done = _run_tests(tmp_path, rules)
    assert done.returncode != 0
    assert set(re.findall(r"alertname: ?(\w+)", done.stdout + done.stderr)) == ALERTS.keys()


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


Labels = dict[str, set[str]]
"""The values of each label, by its name."""


@pytest.fixture(scope="module")
def exported() -> dict[str, Labels]:
    """Return what a step exports: ``{"shipmate_messages_total": {"outcome": {"error", ...}, ...}, ...}``."""
    tally = Tally(connections=("read", "write"))
    tally.error("other", {})
    for target, status in itertools.product(("api", "token_endpoint", "platform"), (200, 302, 404, 500, None)):
        with tally.http_request(target, "GET", "https://api.example.com") as request:  # type: ignore[arg-type]
            if status is not None:
                request.answered(status)
    flow = FlowSettings("flow", "exec", "step", "container", "workspace", "user", "component", "function")
    text = Metrics(tally, Health(MemoryTransport(), tally), flow, transport="amqp").text().decode()
    found: dict[str, Labels] = {}
    for sample in (each for family in text_string_to_metric_families(text) for each in family.samples):
        labels = found.setdefault(sample.name, {})
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return found


def _selected(query: str) -> set[str]:
    """Return the names of the metrics in a query; recorded ones have a colon."""
    return set(re.findall(r"(?<![:\w])(?:shipmate|process)_\w+(?!\w|:)", query))


def test_dashboard_and_rules_ask_for_every_metric_that_a_step_exports(exported: dict[str, Labels]) -> None:
    """For no other one, and for each at least once."""
    asked = set().union(*map(_selected, [*QUERIES, *EXPRESSIONS]))
    assert asked - exported.keys() <= (set() if Path("/proc/self/stat").exists() else OF_THE_PROCESS)
    not_asked = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in exported.keys() - asked}
    assert {name for name in not_asked if name.startswith("shipmate") and f"{name}_bucket" not in asked} == set()
    assert {name for name in asked if name.startswith("process")} == OF_THE_PROCESS


@pytest.mark.parametrize("query", [*QUERIES, *EXPRESSIONS, *SERIES])
def test_a_query_selects_by_labels_and_values_that_there_are(query: str, exported: dict[str, Labels]) -> None:
    """A label with a slip of the pen selects nothing, without any error."""
    names = _selected(query)
    known = set().union(OF_THE_SCRAPE, *(exported[name].keys() for name in names))
    if not names:  # only recorded metrics
        known |= set().union(*(each.keys() for each in exported.values()))
    groups = re.findall(r"\b(?:by|on|group_left) ?\(([\w, ]*)\)", query)
    labels = {label.strip() for group in groups for label in group.split(",") if label.strip()}
    matchers = re.findall(r'(\w+)=~?"([^"]*)"', query)
    assert labels | {label for label, _ in matchers} <= known

    if query in SERIES:  # ids are made up there
        matchers = [each for each in matchers if each[0] not in ("flow", "step", "component", "function")]
    for label, pattern in matchers:
        values = set().union(*(exported[name].get(label, set()) for name in names)) - {""}
        if "$" not in pattern and label not in (*OF_THE_SCRAPE, "le") and values:
            assert set(pattern.split("|")) <= values
