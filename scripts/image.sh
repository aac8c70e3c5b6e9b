#!/usr/bin/env bash
# Builds the image with docker if its engine runs, else with buildah, and puts its bill of materials beside it.
#
#   scripts/image.sh [NAME]            the image's name, shipmate unless given
#
# The bill of materials is /app/sbom.cdx.json in the image and dist/NAME.cdx.json here.
# BASE_IMAGE names another base. The build gets this machine's settings of pip and certificates, to reach the package
# index; they are not in the image.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:-shipmate}
sbom=dist/${name##*/}
sbom=${sbom%%:*}.cdx.json
say_where() { echo "image: built $name; its bill of materials is $sbom" >&2; }
# Given in any case: older versions of buildah do not find a stage that a build argument names.
base=${BASE_IMAGE:-$(sed -n 's/^FROM \(.*\) AS pinned-python$/\1/p' Dockerfile)}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
arguments=(
    --build-arg "COMPONENT=$(base64 <component.json | tr -d '\n')"
    --build-arg "LOGO=$(base64 <logo.png | tr -d '\n')"
    --build-arg "VERSION=$version"
    --build-arg "BASE_IMAGE=$base"
    --tag "$name"
)
mkdir -p dist

if docker info >/dev/null 2>&1; then
    docker build "${arguments[@]}" .
    docker run --rm --network none --entrypoint cat "$name" /app/sbom.cdx.json >"$sbom"
    say_where
    exit
fi
if command -v buildah >/dev/null 2>&1; then
    certificates=/etc/ssl/certs/ca-certificates.crt
    if [ -f "$certificates" ]; then
        # During the build only: the proxy of a company has its own certificate.
        arguments+=(--volume "$certificates:$certificates:ro")
    fi
    if [ -f /etc/pip.conf ]; then arguments+=(--volume "/etc/pip.conf:/etc/pip.conf:ro"); fi
    buildah build --isolation chroot --format docker "${arguments[@]}" .
    container=$(buildah from "$name")
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah run --isolation chroot "$container" -- cat /app/sbom.cdx.json >"$sbom"
    say_where
    exit
fi
echo "image: expected docker with a running engine, or buildah, found neither. On Debian: apt-get install buildah" >&2
exit 1
