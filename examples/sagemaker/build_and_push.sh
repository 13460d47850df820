#!/usr/bin/env bash
# Builds an image of gcmc and pushes it to the caller's registry (Amazon ECR), where SageMaker finds it:
#   bash examples/sagemaker/build_and_push.sh cpu|cuda [--name NAME] [--region REGION] [--dry-run]
# The account is the AWS CLI's; the region --region, $AWS_REGION, $AWS_DEFAULT_REGION or the CLI's, in this order. The
# repository NAME (default: gcmc) is created if it is absent. The image's address is the last line. --dry-run prints the
# commands and runs none. Needs docker and the AWS CLI, version 2.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  sed -n '2,6s/^# //p' examples/sagemaker/build_and_push.sh >&2
  exit 2
}
kind='' name=gcmc region='' dry_run=''
while [ $# -gt 0 ]; do
  case $1 in
    cpu | cuda) kind=$1 ;;
    --name) name=${2:?--name NAME} && shift ;;
    --region) region=${2:?--region REGION} && shift ;;
    --dry-run) dry_run=1 ;;
    *) usage ;;
  esac
  shift
done
[ -n "$kind" ] || usage

run() {
  if [ -n "$dry_run" ]; then printf '%s\n' "$*"; else "$@"; fi
}
if [ -n "$dry_run" ]; then
  account=ACCOUNT region=${region:-REGION}
else
  account=$(aws sts get-caller-identity --query Account --output text)
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}
  [ -n "$region" ] || { echo "no region is configured: give --region REGION" >&2 && exit 2; }
fi
suffix=amazonaws.com
case $region in cn-*) suffix=amazonaws.com.cn ;; esac
registry=$account.dkr.ecr.$region.$suffix
image=$registry/$name:$kind

# SageMaker takes one x86-64 image, not the list of images that BuildKit pushes with its attestations.
run env BUILDX_NO_DEFAULT_ATTESTATIONS=1 \
  docker build --platform linux/amd64 -f "examples/sagemaker/Dockerfile.$kind" -t "$image" .
if [ -n "$dry_run" ]; then
  echo "aws ecr describe-repositories --region $region --repository-names $name ||"
  echo "  aws ecr create-repository --region $region --repository-name $name"
  echo "aws ecr get-login-password --region $region | docker login --username AWS --password-stdin $registry"
else
  aws ecr describe-repositories --region "$region" --repository-names "$name" >/dev/null 2>&1 ||
    aws ecr create-repository --region "$region" --repository-name "$name" >/dev/null
  aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry" >&2
fi
run docker push "$image"
echo "$image"
