// What belongs to other people on a host, so that a test sees whether it is left alone.
import { sh } from "./wiring";

/** A bridge of each sort with a port, a veth pair with an alias, a firewall rule and a table, all made by hand. */
export function useForeign(): void {
	before(() => sh(`${REMOVE}\n${PLANT}`));
	after(() => sh(REMOVE));
}

const PLANT = `
ip link add foreign0 type veth peer name foreign1
ip link set foreign0 alias "keep,netplumb-not:mine"
ip address add 192.0.2.77/24 dev foreign0
echo 1 >/proc/sys/net/ipv6/conf/foreign0/disable_ipv6
ip link set foreign0 up
ip link add foreign2 type veth peer name foreign3
ip link add foreign-lin type bridge
ip link set foreign2 master foreign-lin
ovs-vsctl --timeout=20 add-br foreign-br -- set bridge foreign-br datapath_type=netdev external_ids:owner=somebody \\
	-- add-port foreign-br foreign1 tag=7 -- set port foreign1 external_ids:owner=somebody
nft add table inet foreign
nft add chain inet foreign input '{ type filter hook input priority 10; }'
nft add rule inet foreign input ip saddr 192.0.2.200 drop
iptables -A INPUT -s 192.0.2.201 -j DROP
`;

const REMOVE = `
exec 2>/dev/null
set +e
iptables -D INPUT -s 192.0.2.201 -j DROP
nft delete table inet foreign
ovs-vsctl --timeout=20 --if-exists del-br foreign-br
ip link delete foreign0
ip link delete foreign2
ip link delete foreign-lin
exec 2>&1
set -e
`;
