#!/bin/sh
# Runs what gather.mjs brought: sh run.sh [tests|bench|sanitizer]... Default: all three. What they say and find is put into the folder results beside this script.
#
# BENCH_OPTIONS: options of bench/gpu/run.mjs, such as "--precisions fp16 --batches 1", to do it in parts.
#
# Engines, forms of models and measurements that are done are kept in work/: a run that was cut short goes on where it was. Where there is no GPU, everything is skipped, and counted.
set -eu
root=$(cd "$(dirname "$0")" && pwd)
results=$root/results
mkdir -p "$results" "$root/work"
PATH=$root/node/bin:$PATH
FOVEATE_TENSORRT_PATH=${FOVEATE_TENSORRT_PATH:-$root/tensorrt:$root/tensorrt-rtx}
FOVEATE_BENCH_PROGRAMS=$root/foveate/build/bench-gpu
FOVEATE_GPU_WORK=$root/work
FOVEATE_CACHE_DIR=$root/work/cache
export PATH FOVEATE_TENSORRT_PATH FOVEATE_BENCH_PROGRAMS FOVEATE_GPU_WORK FOVEATE_CACHE_DIR
cd "$root/foveate"

failed=''
# Says a step, runs it with what it says kept, and goes on. 3: it was skipped.
step() {
  name=$1
  shift
  echo "== $name"
  code=0
  { "$@" 2>&1 || echo "$?" >"$results/.code"; } | tee "$results/$name.log"
  if [ -e "$results/.code" ]; then
    code=$(cat "$results/.code")
    rm "$results/.code"
  fi
  case $code in
    0) ;;
    3) echo "$name: skipped" ;;
    *) failed="$failed $name" ;;
  esac
}

tests() {
  for suite in engines runs device precision; do
    step "tests-$suite" node node_modules/vitest/vitest.mjs run "tests/gpu/$suite.test.ts" \
      --reporter=verbose --reporter=json "--outputFile.json=$results/tests-$suite.json"
  done
}

bench() {
  # shellcheck disable=SC2086 -- several words
  step bench node bench/gpu/run.mjs --work "$root/work/bench" --write "$results/bench" ${BENCH_OPTIONS:-}
}

# NVIDIA's tool for errors of memory on the device, on two lanes without JavaScript.
sanitizer() {
  tool=$(command -v compute-sanitizer || ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | tail -n 1 || true)
  if [ -z "$tool" ]; then
    echo "== sanitizer"
    echo "sanitizer: skipped: there is no compute-sanitizer on PATH or in /usr/local/cuda" | tee "$results/sanitizer.log"
    return
  fi
  bundle=$root/work/sanitizer.engine
  library=$(ls "${FOVEATE_TENSORRT_PATH%%:*}"/libnvinfer.so.* | head -n 1)
  step sanitizer-build node dist/bin/main.js build examples/models/shapes-classifier.onnx --device tensorrt --no-bake -o "$bundle"
  [ -e "$bundle/engine.plan" ] || return 0
  step sanitizer "$tool" --error-exitcode 9 "$FOVEATE_BENCH_PROGRAMS/executor_loop" "$library" "$bundle/engine.plan" 4 2 plain 5
  step sanitizer-graphs "$tool" --error-exitcode 9 "$FOVEATE_BENCH_PROGRAMS/executor_loop" "$library" "$bundle/engine.plan" 4 2 graph 5
}

step machine sh -c 'nvidia-smi || echo "there is no nvidia-smi"; uname -a'
step doctor sh -c 'node dist/bin/main.js doctor || true'
for part in ${@:-tests bench sanitizer}; do
  case $part in
    tests | bench | sanitizer) $part ;;
    *)
      echo "run.sh: expected tests, bench or sanitizer, received $part" >&2
      exit 2
      ;;
  esac
done
node scripts/gpu/summary.mjs "$results"
if [ -n "$failed" ]; then
  echo "FAILED:$failed (see $results)"
  exit 1
fi
echo "All of it is in $results"
