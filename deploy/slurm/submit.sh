#!/usr/bin/env bash
# Makes the previews of a film in a Slurm array: submit.sh VIDEO DESTINATION [SHARDS]
# Both are on a shared file system, or in buckets. To submit shards 3 and 5 of 16 again:
#   sbatch --array=3,5 step.sbatch slices DESTINATION --source VIDEO --shards 16
set -euo pipefail

video=$1
destination=$2
shards=${3:-16}
step=$(dirname -- "${BASH_SOURCE[0]}")/step.sbatch

plan=$(sbatch --parsable "$step" plan "$video" -o "$destination")
slices=$(sbatch --parsable --dependency="afterok:$plan" --array="1-$shards" \
  "$step" slices "$destination" --source "$video" --shards "$shards")
# afterany: if slices are missing, publish names them and ends with 10; with gaps, it ends with 5
sbatch --dependency="afterany:$slices" "$step" publish "$destination"
