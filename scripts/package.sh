#!/usr/bin/env bash
# Builds the sdist and, from it, the wheel; installs the wheel into a new environment, and tries it there.
#
#   scripts/package.sh VENV            the Python of this environment is used; the files go into dist/
#
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$PWD/${1:?usage: scripts/package.sh VENV}/bin/python
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
new_environment() { "$python" -m venv "$folder/$1"; }
install() {
    local environment=$1
    shift
    "$folder/$environment/bin/python" -m pip --disable-pip-version-check --quiet install "$@"
}
fail() { echo "package: $*" >&2; exit 1; }

new_environment tools
install tools --require-hashes --requirement requirements-release.txt
rm -f dist/shipmate-*.tar.gz dist/shipmate-*.whl
# Without an isolated build, for which pip fetches packages without hashes.
"$folder/tools/bin/python" -m build --no-isolation --outdir dist . >"$folder/build.log" 2>&1 ||
    { cat "$folder/build.log" >&2; fail "the build failed; its messages are above"; }
wheel=$(ls dist/shipmate-*.whl)
sdist=$(ls dist/shipmate-*.tar.gz)

if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files lib/shipmate | sed 's|^lib/||' | sort >"$folder/expected"
    "$python" -m zipfile --list "$wheel" | sed -n 's|^\(shipmate/[^ ]*\) .*|\1|p' | sort >"$folder/found"
    missing=$(comm -23 "$folder/expected" "$folder/found")
    [ -z "$missing" ] || fail "expected all files of lib/shipmate in the wheel, found none of: $missing"
fi

new_environment clean
install clean --require-hashes --requirement requirements.txt
install clean --no-deps "$wheel"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
cd "$folder"
found=$(clean/bin/shipmate --version)
case "$found" in *"$version"*) ;; *) fail "expected version $version, found $found" ;; esac
clean/bin/shipmate new component --auth basic >/dev/null 2>&1 </dev/null || fail "shipmate new failed in a new environment"
clean/bin/shipmate validate --component component >/dev/null || fail "a new component is not valid"
echo "package: built $sdist and $wheel; $found works in a new environment" >&2
