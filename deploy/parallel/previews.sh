#!/usr/bin/env bash
# Makes the previews of a film with GNU parallel: previews.sh VIDEO DESTINATION [SHARDS [HOSTS]]
# HOSTS is a list such as 2/alpha,4/beta: how many shards at once on each host that ssh reaches.
set -euo pipefail

video=$1
destination=$2
shards=${3:-16}
hosts=${4:-:}

scrubjay plan "$video" -o "$destination"
# parallel quotes what follows ":::" itself; a shard that fails is tried twice more
seq "$shards" | parallel --halt never --retries 3 --sshlogin "$hosts" \
  scrubjay slices "{1}" --source "{2}" --shard "{3}/$shards" --workers 1 \
  ::: "$destination" ::: "$video" :::: - || echo "not all shards were made" >&2
scrubjay publish "$destination"
