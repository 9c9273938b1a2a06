#!/usr/bin/env bash
# npm run test:fuzz: 10,000 random programs on the model host, and 50 on real hosts. `-- --seed 5` runs those of another run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ${1:-} == --seed ]]; then export NETPLUMB_SEED=$2; shift 2; fi
export NETPLUMB_SEED=${NETPLUMB_SEED:-$(($(date +%s) % 1000000))}
export NETPLUMB_PROGRAMS=${NETPLUMB_PROGRAMS:-10000} NETPLUMB_LAB_PROGRAMS=${NETPLUMB_LAB_PROGRAMS:-50}
exec bash scripts/test.sh tests/fuzz "$@"
