#!/usr/bin/env bash
# Makes sure that the tests can start a RabbitMQ of their own; installs it where that is possible.
# Works with the bash 3.2 of macOS.
set -euo pipefail

say() { printf '%s\n' "broker: $*" >&2; }
fail() { say "$@"; exit 1; }

# The places that the tests look at.
for folder in /usr/lib/rabbitmq/bin /opt/homebrew/sbin /usr/local/sbin; do
    if [ -x "$folder/rabbitmq-server" ]; then exit 0; fi
done
if command -v rabbitmq-server >/dev/null 2>&1; then exit 0; fi

if [ "$(uname -s)" = Darwin ]; then
    fail "missing: rabbitmq. Install it with: brew install rabbitmq"
fi
if ! command -v apt-get >/dev/null 2>&1; then
    fail "missing: rabbitmq-server. Install RabbitMQ with this system's package manager: https://www.rabbitmq.com/docs/download"
fi
if [ "$(id -u)" -ne 0 ]; then
    fail "missing: rabbitmq-server. Install it with: sudo apt-get update && sudo apt-get install -y rabbitmq-server"
fi

# The package starts a node of its own, which nobody here needs, unless it is told not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
say "installing rabbitmq-server"
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rabbitmq-server; } >&2; then
    fail "apt-get could not install rabbitmq-server; its messages are above"
fi
