#!/usr/bin/env bash
# npm run test:faults: every fault before every operation of every kind's create, update and delete, on real hosts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export NETPLUMB_FAULTS=all
exec bash scripts/test.sh tests/faults "$@"
