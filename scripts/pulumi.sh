#!/usr/bin/env bash
# Runs pulumi with all that it needs on this machine, in the current folder: scripts/pulumi.sh <arguments of pulumi>
exec node --import "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../node_modules/tsx/dist/loader.mjs" \
	"$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../tests/toolchain/pulumi-shell.ts" "$@"
