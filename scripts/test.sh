#!/usr/bin/env bash
# npm test: lint, then every spec, then one line that counts both. Folders, files and mocha options may follow:
#   npm test -- tests/transport
#   npm test -- tests/host/ovs.spec.ts -g quoting
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh || { echo "0 passed, 1 failed"; exit 1; }
export PATH=$PATH:/usr/sbin:/sbin
node --import tsx tests/toolchain/prepare.ts || { echo "0 passed, 1 failed"; exit 1; }

passed=0 failed=0 skipped=0

echo
echo "lint"
if npm run --silent lint; then
	echo "  ✔ npm run lint"
	passed=1
else
	echo "  ✘ npm run lint"
	failed=1
fi

specs=() options=()
for argument in "$@"; do
	if [[ -d $argument ]]; then specs+=("${argument%/}/**/*.spec.ts")
	elif [[ -e $argument ]]; then specs+=("$argument")
	else options+=("$argument"); fi
done
if ((${#specs[@]} == 0)); then specs=("tests/**/*.spec.ts"); fi

tally=$(mktemp)
trap 'rm -f "$tally"' EXIT
# Without .mocharc.json: mocha would add the specs named there to those asked for.
NETPLUMB_TALLY=$tally node_modules/.bin/mocha --no-config --node-option import=tsx --timeout 120000 --exit \
	--reporter tests/toolchain/reporter.ts ${options[@]+"${options[@]}"} "${specs[@]}" </dev/null
status=$?

if read -r spec_passed spec_failed spec_skipped <"$tally"; then
	passed=$((passed + spec_passed)) failed=$((failed + spec_failed)) skipped=$spec_skipped
elif ((status == 0)); then
	status=1
fi
# Mocha itself may fail without any test having failed.
if ((status != 0 && ${spec_failed:-0} == 0)); then failed=$((failed + 1)); fi

line="$passed passed, $failed failed"
if ((skipped > 0)); then line+=", $skipped skipped"; fi
echo "$line"
((failed == 0))
