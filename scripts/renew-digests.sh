#!/usr/bin/env bash
# Writes the newest digest of the base image into all Dockerfiles, and into that of `shipmate new`.
#
#   scripts/renew-digests.sh           asks the registry, with docker or skopeo
#   scripts/renew-digests.sh DIGEST    writes this one: sha256:...
#
# Works with the bash 3.2 of macOS.
set -euo pipefail
cd "$(dirname "$0")/.."

tag=$(sed -n 's/^FROM \(.*\)@sha256:[0-9a-f]* AS pinned-python$/\1/p' Dockerfile)
if [ $# -gt 0 ]; then
    digest=$1
elif docker buildx version >/dev/null 2>&1; then
    digest=$(docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$tag")
elif command -v skopeo >/dev/null 2>&1; then
    digest=$(skopeo inspect --format '{{.Digest}}' "docker://$tag")
else
    echo "renew-digests: expected docker with buildx, or skopeo, found neither; or give the digest of $tag" >&2
    exit 1
fi
if ! printf '%s' "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}'; then
    echo "renew-digests: expected sha256: and 64 digits of a digest, found $digest" >&2
    exit 1
fi
for file in Dockerfile examples/*/Dockerfile lib/shipmate/tools/scaffold/templates/component/Dockerfile.tmpl; do
    sed "s|^FROM $tag@sha256:[0-9a-f]* AS pinned-python\$|FROM $tag@$digest AS pinned-python|" "$file" >"$file.new"
    cat "$file.new" >"$file"
    rm "$file.new"
done
echo "renew-digests: $tag is $digest now" >&2
