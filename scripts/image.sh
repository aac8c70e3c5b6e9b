#!/usr/bin/env bash
# Builds the image with docker if its engine runs, else with buildah.
#
#   scripts/image.sh [NAME]            the image's name, shipmate unless given
#
# BASE_IMAGE names another base. The build gets this machine's settings of pip and certificates, to reach the package
# index; they are not in the image.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-shipmate}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
arguments=(
    --build-arg "COMPONENT=$(base64 <component.json | tr -d '\n')"
    --build-arg "LOGO=$(base64 <logo.png | tr -d '\n')"
    --build-arg "VERSION=$version"
    --tag "$name"
)
if [ -n "${BASE_IMAGE:-}" ]; then arguments+=(--build-arg "BASE_IMAGE=$BASE_IMAGE"); fi

if docker info >/dev/null 2>&1; then
    exec docker build "${arguments[@]}" .
fi
if command -v buildah >/dev/null 2>&1; then
    certificates=/etc/ssl/certs/ca-certificates.crt
    if [ -f "$certificates" ]; then
        # During the build only: the proxy of a company has its own certificate.
        arguments+=(--volume "$certificates:$certificates:ro")
    fi
    if [ -f /etc/pip.conf ]; then arguments+=(--volume "/etc/pip.conf:/etc/pip.conf:ro"); fi
    exec buildah build --isolation chroot --format docker "${arguments[@]}" .
fi
echo "image: expected docker with a running engine, or buildah, found neither. On Debian: apt-get install buildah" >&2
exit 1
