// What boots. OVSDB outlives a boot, addresses and routes do not: a network card that carried the host's address would come up inside a
// bridge that has none, while the distribution puts the address on the card. So such a port is dropped when the host boots, before
// ovs-vswitchd starts, and the host comes up with its own wiring.
//
// Where systemd is, a drop-in of ovs-vswitchd.service does it. Elsewhere the port stays marked other_config:transient=true, and ovs-ctl
// does it when it is started with --delete-transient-ports (ovs-vswitchd.conf.db(5), ovs-ctl(8)).

/** The key in a Port's external_ids that says: this card carried the host's own address. */
export const CARRIES = "netplumb-carries";

const DROP_IN = "/etc/systemd/system/ovs-vswitchd.service.d/netplumb.conf";
const SCRIPT = "/var/lib/netplumb/boot";
/** Is there as long as the boot in which a card was put into a bridge: a restart of Open vSwitch alone drops nothing. */
const THIS_BOOT = "/run/netplumb/carries";

const BOOT = `[ ! -e ${THIS_BOOT} ] || exit 0
for port in $(ovs-vsctl --timeout=10 --no-wait --bare --columns=name find Port external_ids:${CARRIES}=true); do
	ovs-vsctl --timeout=10 --no-wait --if-exists del-port "$port"
done`;

const reload = "{ ! command -v systemctl >/dev/null || timeout 10 systemctl daemon-reload; } >/dev/null 2>&1";

/** Shell text: from now on a boot drops the ports of cards that carry the host's address. */
export function bootHookOn(): string {
	return `: >${THIS_BOOT} || return 1
	if [ -d /run/systemd/system ] && [ ! -e ${DROP_IN} ]; then
		mkdir -p -m 755 ${DROP_IN.replace(/\/[^/]*$/, "")} && mkdir -p -m 700 /var/lib/netplumb || return 1
		cat >${SCRIPT} <<'END_BOOT' || return 1
${BOOT}
END_BOOT
		printf '# netplumb: see ${SCRIPT}\\n[Service]\\nExecStartPre=-/bin/sh ${SCRIPT}\\n' >${DROP_IN}.new &&
			chmod 644 ${DROP_IN}.new && sync ${SCRIPT} ${DROP_IN}.new && mv ${DROP_IN}.new ${DROP_IN} || return 1
		${reload} || :
	fi`;
}

/** Shell text: takes the hook away again, when nothing of netplumb is left on the host. */
export function bootHookOff(): string {
	return `rm -f ${THIS_BOOT}; [ ! -e ${SCRIPT} ] || { rm -f ${SCRIPT} ${DROP_IN}; rmdir ${DROP_IN.replace(/\/[^/]*$/, "")} /var/lib/netplumb; ${reload}; } 2>/dev/null`;
}

/**
 * Shell text, after a confirmation: where the hook is, the ports are no longer transient, because some distributions drop transient
 * ports at every restart of Open vSwitch.
 */
export function keepOverBoots(): string {
	return `[ ! -e ${DROP_IN} ] || for port in $(ovs-vsctl --timeout=10 --bare --columns=name find Port external_ids:${CARRIES}=true); do
	ovs-vsctl --timeout=10 --no-wait remove Port "$port" other_config transient=true
done`;
}
