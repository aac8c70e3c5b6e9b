#!/usr/bin/env bash
# Installs RabbitMQ unless it is there: the tests start nodes of it.
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

# The folders in which the tests look first: PLACES in lib/shipmate/emulator/rabbitmq.py.
for folder in /usr/lib/rabbitmq/bin /opt/homebrew/sbin /usr/local/sbin; do
    if [ -x "$folder/rabbitmq-server" ]; then exit 0; fi
done
if command -v rabbitmq-server >/dev/null 2>&1; then exit 0; fi

if [ "$(uname -s)" = Darwin ]; then
    echo "broker: missing: rabbitmq. Install it with: brew install rabbitmq" >&2
    exit 1
fi

scripts/apt-install.sh rabbitmq-server
