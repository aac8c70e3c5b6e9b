"""The demo does what it says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_demo_shows_the_main_job_and_no_whole_token() -> None:
    """401, refresh, updateKeys, the request again, data; and a second run without a refresh."""
    done = subprocess.run([sys.executable, "scripts/demo.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    order = [
        "api      -> 401",
        "grant_type=refresh_token",
        "saved to",
        "api      -> 200",
        '"event": "data"',
        "no refresh",
    ]
    places = [done.stdout.index(each) for each in order]
    assert places == sorted(places)
    assert "demo-secret" not in done.stdout
