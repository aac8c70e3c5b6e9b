#!/usr/bin/env bash
# Installs Debian packages; where that is not possible it says why, and ends with status 1.
#
#   scripts/apt-install.sh PACKAGE...
#
# Works with the bash 3.2 of macOS.
set -euo pipefail

say() { printf '%s\n' "install: $*" >&2; }

if ! command -v apt-get >/dev/null 2>&1; then
    say "missing: $*. Install it with this system's package manager"
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    say "missing: $*. Install it with: sudo apt-get update && sudo apt-get install -y $*"
    exit 1
fi
# A package with a service starts it, unless a policy forbids it; none of these services is needed.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
say "installing $*"
if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >&2; then
    say "apt-get could not install $*; its messages are above"
    exit 1
fi
