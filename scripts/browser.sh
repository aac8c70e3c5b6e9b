#!/usr/bin/env bash
# Gets the tests a Chromium and its driver, where that is possible. Without them the tests with a browser are skipped,
# so that is no failure, except in CI and when SHIPMATE_REQUIRE_BROWSER is set.
# Works with the bash 3.2 of macOS.
set -euo pipefail

say() { printf '%s\n' "browser: $*" >&2; }
give_up() {
    if [ -n "${CI:-}${SHIPMATE_REQUIRE_BROWSER:-}" ]; then
        say "$@"
        exit 1
    fi
    say "$*; tests with a browser will be skipped"
    exit 0
}

# The names that the tests look for.
found() {
    local name
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
if found chromedriver && found chromium chromium-browser google-chrome google-chrome-stable; then exit 0; fi

if [ "$(uname -s)" = Darwin ]; then
    give_up "missing: chromium and chromedriver. Install them with: brew install --cask chromium chromedriver"
fi
if ! command -v apt-get >/dev/null 2>&1; then
    give_up "missing: chromium and chromedriver. Install them with this system's package manager"
fi
if [ "$(id -u)" -ne 0 ]; then
    give_up "missing: chromium and chromedriver. Install them with: sudo apt-get update && sudo apt-get install -y chromium chromium-driver"
fi
say "installing chromium and chromium-driver"
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver; } >&2; then
    give_up "apt-get could not install chromium and chromium-driver; its messages are above"
fi
