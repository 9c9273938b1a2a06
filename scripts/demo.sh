#!/usr/bin/env bash
# npm run demo: two hosts on this machine, wired by examples/quickstart. npm run demo -- --down takes all of it away.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ $(uname -s) != Linux || $EUID -ne 0 ]]; then
	echo 'The demo builds its hosts on this machine, which needs Linux and root: use sudo, or point examples/quickstart at your own hosts as the README section "Your own hosts" shows.' >&2
	exit 1
fi
bash scripts/setup.sh
export PATH=$PATH:/usr/sbin:/sbin
exec node --import tsx scripts/demo.ts "$@"
