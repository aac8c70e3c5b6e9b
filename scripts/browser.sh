#!/usr/bin/env bash
# Installs Chromium and its driver unless they are there. Where that is not possible the tests with a browser are
# skipped; in CI, and where SHIPMATE_REQUIRE_BROWSER is set, this fails instead.
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

# The names that the tests look for.
is_installed() {
    local name
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
if is_installed chromedriver && is_installed chromium chromium-browser google-chrome google-chrome-stable; then
    exit 0
fi

if [ "$(uname -s)" = Darwin ]; then
    echo "browser: missing: chromium and chromedriver. Install them with: brew install --cask chromium chromedriver" >&2
elif scripts/apt-install.sh chromium chromium-driver; then
    exit 0
fi
if [ -n "${CI:-}${SHIPMATE_REQUIRE_BROWSER:-}" ]; then exit 1; fi
echo "browser: tests with a browser will be skipped" >&2
