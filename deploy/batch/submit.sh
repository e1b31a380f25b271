#!/usr/bin/env bash
# Makes the previews of a film in an AWS Batch array: submit.sh QUEUE VIDEO DESTINATION [SHARDS]
# Once before: aws batch register-job-definition --cli-input-json file://job-definition.json
set -euo pipefail

queue=$1
video=$2
destination=$3
shards=${4:-16} # 2 at least

submit() { # NAME COMMAND... -- OPTIONS...: print the job's id
  local name=$1 command=()
  shift
  while [ "$1" != -- ]; do
    command+=("$1")
    shift
  done
  shift
  local overrides
  overrides=$(python3 -c 'import json, sys; print(json.dumps({"command": sys.argv[1:]}))' "${command[@]}")
  aws batch submit-job --job-name "$name" --job-queue "$queue" --job-definition scrubjay \
    --container-overrides "$overrides" --query jobId --output text "$@"
}

plan=$(submit previews-plan plan "$video" -o "$destination" --)
slices=$(submit previews-slices slices "$destination" --source "$video" --workers 2 -- \
  --array-properties "size=$shards" --depends-on "jobId=$plan")
# if a shard fails in every attempt, this job fails too: publish by hand then, which names what is missing
submit previews-publish publish "$destination" -- --depends-on "jobId=$slices"
