"""Plans for the tests of new components."""

from pathlib import Path

from shipmate.tools.scaffold import Plan

ODD_TITLES = [
    "Kontakte ändern",
    'Say "hi" \\ $HOME @@{title} @@ {{NAME}} ${X} %s',
    "<b>a|b</b> `c` <!-- shipmate docs: end -->",
    "連絡先 contacts 📇",
    '"""',
    "x" * 100,
    "class",
]


def plan(folder: Path, **given: str) -> Plan:
    """Return the plan for these options and the defaults."""
    return Plan.from_answers(folder, {name.replace("_", "-"): value for name, value in given.items()}, None)
