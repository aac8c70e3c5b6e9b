#!/usr/bin/env bash
# Installs promtool unless it is there: it tests the rules for Prometheus in deploy/. Where that is not possible these
# tests are skipped; in CI this fails instead.
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v promtool >/dev/null 2>&1; then exit 0; fi

if [ "$(uname -s)" = Darwin ]; then
    echo "promtool: missing. Install it with: brew install prometheus" >&2
elif scripts/apt-install.sh prometheus; then
    exit 0
fi
if [ -n "${CI:-}" ]; then exit 1; fi
echo "promtool: the tests of the rules for Prometheus will be skipped" >&2
