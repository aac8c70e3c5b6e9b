#!/usr/bin/env bash
# Makes a base image of Debian with Python by debootstrap, without an image registry.
#
#   scripts/base-image.sh [NAME]       the image's name, shipmate-base unless given
#
# SUITE and MIRROR name Debian's release and where its packages come from. Needs root, buildah and debootstrap.
set -euo pipefail

name=${1:-shipmate-base}
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}

for program in buildah debootstrap; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "base-image: missing: $program. Install it with: apt-get update && apt-get install -y $program" >&2
        exit 1
    fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "base-image: debootstrap needs root" >&2
    exit 1
fi

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,tini "$suite" "$root" "$mirror" >&2
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/*
container=$(buildah from scratch)
buildah copy --quiet "$container" "$root" / >/dev/null
buildah config --env LANG=C.UTF-8 "$container"
buildah commit --quiet --rm "$container" "$name" >/dev/null
echo "base-image: made $name from Debian $suite" >&2
