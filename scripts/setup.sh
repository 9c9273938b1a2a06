#!/usr/bin/env bash
# Makes a fresh clone ready: dependencies, build output and, as root on Debian, the packages that the lab needs.
# Does nothing, quickly, when nothing is to do. Starts no service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "setup: $*"; }
fail() { echo "setup: $*" >&2; exit 1; }

# Runs a command with its output in a log, a line every 15 seconds, and the end of the log if it fails.
with_progress() {
	local what=$1 log started pid ticks=0
	shift
	log=$(mktemp)
	started=$SECONDS
	say "$what …"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.25
		ticks=$((ticks + 1))
		if ((ticks % 60 == 0)); then say "$what … $((SECONDS - started)) s"; fi
	done
	if ! wait "$pid"; then
		tail -n 30 "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
	say "$what: done in $((SECONDS - started)) s"
}

check_node() {
	command -v node >/dev/null || fail "Node.js 20.19 or later is needed: https://nodejs.org"
	command -v npm >/dev/null || fail "npm is needed; it comes with Node.js: https://nodejs.org"
	local version major minor
	version=$(node --version)
	IFS=. read -r major minor _ <<<"${version#v}"
	if ((major < 20 || (major == 20 && minor < 19))); then fail "Node.js 20.19 or later is needed; this is $version"; fi
}

install_dependencies() {
	local installed=node_modules/.package-lock.json
	if [[ -f $installed && ! package-lock.json -nt $installed ]]; then return; fi
	with_progress "installing npm dependencies" npm ci --no-audit --no-fund || fail "npm ci failed"
}

build() {
	local stamp=node_modules/.cache/netplumb-build
	local sources=(package.json tsconfig.json tsconfig.build.json sdk provider lab)
	if [[ -d dist && -f $stamp && -z $(find "${sources[@]}" -newer "$stamp" \( -name '*.ts' -o -name '*.json' \) -print -quit) ]]; then
		return
	fi
	mkdir -p node_modules/.cache
	touch "$stamp.started"
	with_progress "compiling" npm run --silent build || fail "npm run build failed"
	mv "$stamp.started" "$stamp"
}

# command:package, for what the lab runs. Looked up by command, since a machine may have Docker from elsewhere.
LAB_COMMANDS=(
	ovs-vswitchd:openvswitch-switch dockerd:docker.io iptables:iptables nft:nftables sshd:openssh-server
	ovn-northd:ovn-central ovn-controller:ovn-host ethtool:ethtool ping:iputils-ping tcpdump:tcpdump conntrack:conntrack iperf3:iperf3 sudo:sudo
)

missing_packages() {
	local pair
	for pair in "${LAB_COMMANDS[@]}"; do
		command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
	done
	# The lab's image is made of a static busybox; a dynamic one goes by the same name.
	[[ -e /usr/share/doc/busybox-static ]] || echo busybox-static
}

install_lab_packages() {
	if ((EUID != 0)) || ! command -v apt-get >/dev/null; then return; fi
	export PATH=$PATH:/usr/sbin:/sbin
	local packages
	mapfile -t packages < <(missing_packages)
	if ((${#packages[@]} == 0)); then return; fi

	# Packages start their services unless this file says no. It is not ours to keep.
	policy=/usr/sbin/policy-rc.d
	if [[ ! -e $policy ]]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 130' INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	export DEBIAN_FRONTEND=noninteractive
	local install=(apt-get install --yes --no-install-recommends -o Dpkg::Options::=--force-confold "${packages[@]}")
	if ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || ! apt-get install --simulate "${packages[@]}" >/dev/null 2>&1; then
		with_progress "reading Debian's package lists" apt-get update || fail "apt-get update failed"
	fi
	if ! with_progress "installing ${packages[*]}" "${install[@]}"; then
		# The lists may name files that the mirror no longer has.
		with_progress "reading Debian's package lists again" apt-get update || fail "apt-get update failed"
		with_progress "installing ${packages[*]}" "${install[@]}" || fail "the lab's packages could not be installed"
	fi
}

check_node
install_dependencies
build
install_lab_packages
