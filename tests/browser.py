"""A headless Chromium, controlled over WebDriver."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
import requests

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 10_000
STARTS = 5
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's name for references to elements


class NoBrowser(Exception):
    """Chromium or its driver is not installed on this machine."""


class Chromium:
    """One window; each search for an element waits until it exists."""

    def __init__(self) -> None:
        """Start the driver and the browser, with an empty profile."""
        browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
        driver = shutil.which("chromedriver")
        if browser is None or driver is None:
            raise NoBrowser("chromium and chromedriver were not found: scripts/browser.sh installs them")
        self._profile = tempfile.mkdtemp(prefix="shipmate-chromium-")
        self._process, address = _start(driver)
        self._http = requests.Session()
        self._http.trust_env = False
        try:
            self.session_url = f"{address}/session"
            options = {"binary": browser, "args": [*FLAGS, f"--user-data-dir={self._profile}"]}
            session = {"browserName": "chrome", "goog:chromeOptions": options, "timeouts": {"implicit": WAIT_MS}}
            created = self._post("", capabilities={"alwaysMatch": session})
            self.session_url += f"/{created['sessionId']}"
        except BaseException:
            self._end()
            raise

    def command(self, folder: Path) -> Path:
        """Write a command for the variable ``BROWSER`` that opens its argument in this window."""
        self._opened = folder / "opened"
        os.mkfifo(self._opened)
        path = folder / "browser"
        path.write_text(
            f"#!{sys.executable}\n"
            "import json, sys, urllib.request\n"
            f"request = urllib.request.Request('{self.session_url}/url', json.dumps({{'url': sys.argv[1]}}).encode())\n"
            "request.add_header('Content-Type', 'application/json')\n"
            "urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=15)\n"
            f"open('{self._opened}', 'w').close()\n"
        )
        path.chmod(0o700)
        return path

    def wait_until_opened(self) -> None:
        """Wait until the command has opened its page; the driver runs one command at a time."""
        self._opened.read_text()

    def click(self, label: str) -> None:
        """Click the button with a label."""
        self._post(f"/element/{self._find(f'//button[normalize-space()={label!r}]')}/click")

    def text(self, heading: str) -> str:
        """Return the text of the page with a heading."""
        self._find(f"//h1[normalize-space()={heading!r}]")
        return str(self._get(f"/element/{self._find('//body')}/text"))

    def close(self) -> None:
        """End the browser and its driver."""
        try:
            self._http.delete(self.session_url, timeout=15)
        finally:
            self._end()

    def _find(self, xpath: str) -> str:
        return str(self._post("/element", using="xpath", value=xpath)[ELEMENT])

    def _get(self, path: str) -> Any:
        return self._value(self._http.get(self.session_url + path, timeout=30))

    def _post(self, path: str, **body: Any) -> Any:
        return self._value(self._http.post(self.session_url + path, json=body, timeout=30))

    def _value(self, reply: requests.Response) -> Any:
        value = reply.json()["value"]
        assert reply.ok, value["message"]
        return value

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(15)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._http.close()
        shutil.rmtree(self._profile, ignore_errors=True)


def _start(driver: str) -> tuple["subprocess.Popen[str]", str]:
    """Start the driver, and return it with its address.

    It takes a free port of one kind of address, and ends if another process has the same number of the other kind.
    """
    for _ in range(STARTS):
        process = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if match := re.search(r"started successfully on port (\d+)", line):
                return process, f"http://127.0.0.1:{match[1]}"
        process.stdout.close()
        process.wait(15)
    raise RuntimeError(f"chromedriver ended {STARTS} times before it was ready")


def started() -> Chromium:
    """Return a browser; if none is installed, skip the test, or fail it where one is required."""
    try:
        return Chromium()
    except NoBrowser as missing:
        if os.environ.get("CI") or os.environ.get("SHIPMATE_REQUIRE_BROWSER"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
