#!/usr/bin/env bash
# Builds an image of examples/sagemaker for real, without a container engine or a registry:
#   bash tests/sagemaker_image.sh cpu|cuda [--build-arg NAME=VALUE ...]
# debootstrap makes the Debian that the Dockerfile names, buildah builds on it (as root), and the result must have the
# contract's labels and entry point, no compiler, and a program that keeps the contract (sagemaker_contract.py). Prints its size. STORE (default: a new
# folder, removed at the end) keeps the bases and the image.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kind=${1:?cpu or cuda}
shift
dockerfile=examples/sagemaker/Dockerfile.$kind
suite=$(sed -n 's/^ARG BASE=debian:\(.*\)-slim$/\1/p' "$dockerfile")

store=${STORE:-$(mktemp -d)}
[ -n "${STORE:-}" ] || trap 'rm -rf "$store"' EXIT
export TMPDIR=$store/tmp
mkdir -p "$TMPDIR"
storage=(--root "$store/images" --runroot "$store/run" --storage-driver vfs)

if ! buildah "${storage[@]}" inspect --type image "base-$suite" >/dev/null 2>&1; then
  base=$store/$suite
  debootstrap --variant=minbase "$suite" "$base" >&2
  mirror=$(awk 'NR == 1 {print $2}' "$base/etc/apt/sources.list")
  rm "$base/etc/apt/sources.list"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
    "$mirror" "$suite" >"$base/etc/apt/sources.list.d/debian.sources"
  # As debian:*-slim: no documentation, translations or lists of packages.
  rm -rf "$base"/var/cache/apt/archives/*.deb "$base"/var/lib/apt/lists/* "$base"/usr/share/{doc,man,locale,info}/*
  printf 'path-exclude /usr/share/%s/*\n' doc man locale info >"$base/etc/dpkg/dpkg.cfg.d/slim"
  container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" copy --quiet "$container" "$base" / >/dev/null
  buildah "${storage[@]}" commit --quiet --rm "$container" "base-$suite" >/dev/null
  rm -rf "$base"
fi

buildah "${storage[@]}" bud --isolation chroot --build-arg "BASE=localhost/base-$suite" "$@" -f "$dockerfile" \
  -t "gcmc:$kind" . >&2

buildah "${storage[@]}" inspect --type image "gcmc:$kind" >"$TMPDIR/image.json"
python3 - "$TMPDIR/image.json" <<'PYTHON'
import json, sys
config = json.load(open(sys.argv[1]))["OCIv1"]["config"]
assert config["Entrypoint"] == ["gcmc", "sagemaker"], config
for name in ("accept-bind-to-port", "multi-models"):
    assert config["Labels"]["com.amazonaws.sagemaker.capabilities." + name] == "true", config
assert "8080/tcp" in config["ExposedPorts"] and "User" not in config, config
PYTHON

container=$(buildah "${storage[@]}" from --pull-never "localhost/gcmc:$kind")
in_image() { buildah "${storage[@]}" run --isolation chroot "$container" -- "$@"; }
# shellcheck disable=SC2016
in_image sh -c 'for tool in c++ cc clang cmake g++ gcc ld make ninja nvcc; do
  if command -v $tool; then exit 1; fi
done' || { echo "the $kind image holds what it was built with" >&2 && exit 1; }
in_image gcmc train --data-name synthetic-100k --device auto --train-max-iter 3 --silent
folder=$(buildah "${storage[@]}" mount "$container")
# sagemaker_contract.py starts the image's own program in the image's own root; its trees lie in /tmp of both.
program=$TMPDIR/gcmc
cat >"$program" <<SHELL
#!/bin/sh
exec unshare -m sh -c 'mount --rbind /tmp "$folder/tmp" && mount --rbind /proc "$folder/proc" && exec chroot "$folder" gcmc "\$@"' gcmc "\$@"
SHELL
chmod +x "$program"
TMPDIR=/tmp python3 tests/sagemaker_contract.py "$program"
echo "image $kind: $(du -sm --apparent-size "$folder" | cut -f1) MB unpacked, $(
  tar -C "$folder" -c . | gzip -1 | wc -c | awk '{printf "%d", $1 / 1000000}') MB compressed by gzip -1"
buildah "${storage[@]}" rm "$container" >/dev/null
