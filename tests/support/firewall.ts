// A changed firewall on the lab host h1, and Docker's chains as versions lay them out that are not installed here.
import { sh } from "./wiring";

/** Runs `work` on a changed firewall, which is put back as it was. */
export async function withFirewall(change: string, work: () => Promise<void>): Promise<void> {
	// What iptables wrote goes back by iptables: nft shows it in words that iptables does not read again.
	await sh(`iptables-save >/tmp/np-iptables
		for t in foreign others netplumb; do nft list table inet $t 2>/dev/null; done >/tmp/np-tables || true`);
	try {
		await sh(change);
		await work();
	} finally {
		await sh(`nft flush ruleset; iptables-restore </tmp/np-iptables; nft -f /tmp/np-tables; rm /tmp/np-iptables /tmp/np-tables`);
	}
}

/** Docker with iptables off, after a boot: none of its chains is there. What netplumb has stays. */
export const NO_CHAINS = `
for table in filter nat raw; do iptables -t $table -F; iptables -t $table -X; done
iptables -P FORWARD ACCEPT`;

/**
 * The filter and raw tables of Docker 28 and 29, for all of its bridges: DOCKER-FORWARD with a chain for each question, no isolation
 * stages, nothing at the end of DOCKER-USER, and packets to a container's own address dropped where they come in by another interface.
 */
export const NEWER_CHAINS = `
iptables -F; iptables -X
iptables -P FORWARD DROP
for chain in USER FORWARD CT INTERNAL BRIDGE; do iptables -N DOCKER-$chain; done
iptables -N DOCKER
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-FORWARD
for chain in CT INTERNAL BRIDGE; do iptables -A DOCKER-FORWARD -j DOCKER-$chain; done
for bridge in docker0 $(docker network ls -q --no-trunc -f driver=bridge | while read -r id; do
	[ ! -e /sys/class/net/br-$(expr substr $id 1 12) ] || echo br-$(expr substr $id 1 12); done); do
	iptables -A DOCKER-CT -o $bridge -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	iptables -A DOCKER-BRIDGE -o $bridge -j DOCKER
	iptables -A DOCKER ! -i $bridge -o $bridge -j DROP
	iptables -A DOCKER-FORWARD -i $bridge -j ACCEPT
	iptables -t raw -A PREROUTING -d $(ip -4 -o address show dev $bridge | awk '{ print $4 }') ! -i $bridge -m addrtype ! --dst-type LOCAL -j DROP
done`;
