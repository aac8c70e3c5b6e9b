#!/usr/bin/env bash
# Makes or updates a virtual environment and installs requirements and this package into it.
#
#   scripts/bootstrap.sh VENV REQUIREMENTS
#
# PYTHON names the interpreter; without it that of the system is used, or the first one that is new enough. The one of a
# Linux distribution is built with optimisation, as those of container images are; pyenv's is not, and takes a fifth more
# time for the tests.
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${1:?usage: scripts/bootstrap.sh VENV REQUIREMENTS}
requirements=${2:?usage: scripts/bootstrap.sh VENV REQUIREMENTS}
oldest='3, 11'

say() { printf '%s\n' "bootstrap: $*" >&2; }
fail() { say "$@"; exit 1; }

# Runs the interpreter, since a version manager has shims for versions that are not active.
is_new_enough() { "$1" -c "import sys; sys.exit(sys.version_info < ($oldest))" >/dev/null 2>&1; }

find_python() {
    local name
    if [ -n "${PYTHON:-}" ]; then
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON: expected Python 3.11 or later"
        printf '%s\n' "$PYTHON"
        return
    fi
    if [ "$(uname -s)" = Linux ] && is_new_enough /usr/bin/python3 && can_make_venv /usr/bin/python3; then
        printf '%s\n' /usr/bin/python3
        return
    fi
    for name in python3 python3.14 python3.13 python3.12 python3.11; do
        if is_new_enough "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

# On Debian ensurepip, which venv needs, is in another package.
can_make_venv() { "$1" -c 'import venv; from ensurepip import bootstrap' >/dev/null 2>&1; }

apt_install() {
    if ! command -v apt-get >/dev/null 2>&1; then
        return 1
    fi
    scripts/apt-install.sh "$@" || exit 1
}

how_to_get_python() {
    case "$(uname -s)" in
        Darwin) printf '%s' 'Install it with: brew install python@3.13' ;;
        *) printf '%s' 'See https://www.python.org/downloads/' ;;
    esac
}

if ! python=$(find_python); then
    [ -z "${PYTHON:-}" ] || exit 1
    apt_install python3 python3-venv || true
    python=$(find_python) || fail "expected Python 3.11 or later, found $(python3 --version 2>/dev/null || echo none). $(how_to_get_python), or name one: PYTHON=/path/to/python3.11 make ..."
fi

if ! { is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    if ! can_make_venv "$python"; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        apt_install "$version-venv" || true
        can_make_venv "$python" || fail "$python ($version) cannot make virtual environments: it lacks ensurepip. Name another one: PYTHON=/path/to/python3 make ..."
    fi
    say "making $venv with $("$python" --version)"
    "$python" -m venv --clear "$venv"
fi

say "installing $requirements"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install)
"${pip[@]}" --requirement "$requirements"
# Editable: the command `shipmate` runs the code of this folder.
"${pip[@]}" --no-deps --editable .
