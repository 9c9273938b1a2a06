// Every mistake is refused in preview, by one sentence that names the property, says what was found and what to do.
import { expect } from "chai";
import type { Kind } from "../../provider/kinds/kind";
import { kinds } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";
import { good } from "./good";

type KindName = keyof typeof kinds;

function reasons(kind: KindName, args: object, host: unknown = good.host): string[] {
	return check(kinds[kind] as unknown as Kind<object>, { host, owner: "p/s/n", ...args }).failures.map(({ reason }) => reason);
}

const NAME = 'an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"';
const CIDR = "an address with a prefix length";
const LIKE = "write it like 10.0.0.5/24 or fd00::5/64";
const OTHER_NAME = "choose another name, or leave it out to have one derived";
const ADDRESS = "a host name, an IPv4 or an IPv6 address; write only the name or address, without user, port, brackets or zone";
const route = (to: string, via?: string) => ({ routes: [{ to, via }] });

const PORTS = 'a port or a range of ports from 1 to 65535, as in 3306, "3306" or "8000-8999"';
const publish = (more: object) => ({ hostPorts: 80, target: "10.0.0.5", ...more });

const apps = { switch: "apps", addresses: ["10.72.0.1/24"] };
const outside = { switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["h1"] };
const edge = (more: object) => ({ ports: [apps, outside], ...more });

const table: [KindName, object, string][] = [
	[
		"OvsBridge",
		{ addresses: ["fd00::1/0"] },
		'addresses[0]: found "fd00::1/0", expected the prefix length of its network; write it, as in /24 or /64',
	],
	[
		"OvsBridge",
		{ addresses: ["::ffff:10.0.0.5/120"] },
		`addresses[0]: found "::ffff:10.0.0.5/120", expected ${CIDR}; write 10.0.0.5/24, without "::ffff:"`,
	],
	[
		"OvsBridge",
		{ name: "br0", uplinks: ["br0"], acceptRisk: ["ssh-path"] },
		'uplinks[0]: found "br0", expected a card of the host, or another link to the outside; choose another one',
	],
	[
		"OvsBridge",
		{ uplinks: ["lo"] },
		'uplinks[0]: found "lo", expected a card of the host, or another link to the outside; choose another one',
	],
	[
		"OvsBridge",
		{ otherConfig: { hwaddr: "01:00:5E:00:00:01" } },
		'otherConfig.hwaddr: found "01:00:5E:00:00:01", expected a unicast Ethernet address; write it like 02:00:00:00:00:01',
	],
	[
		"OvsBridge",
		{ otherConfig: { hwaddr: "02-00-00-00-00-01" } },
		'otherConfig.hwaddr: found "02-00-00-00-00-01", expected a unicast Ethernet address; write it like 02:00:00:00:00:01',
	],
	[
		"OvnSwitch",
		{ dhcp: [] },
		"dhcp: found [], expected { subnet } with router, dns, mtu, server, leaseSeconds; write it as { subnet, router, server … }",
	],
	[
		"IsolatedNetwork",
		{ subnet: "fd00::/64", mtu: 600 },
		"mtu: found 600, expected at least 1280, because the subnet is of IPv6; raise it",
	],
	...["0.0.0.0/0", "224.0.0.0/24", "127.0.0.0/8"].map((subnet): [KindName, object, string] => [
		"IsolatedNetwork",
		{ subnet },
		`subnet: found "${subnet}", expected a network whose addresses interfaces can have; choose another one`,
	]),
	[
		"StaticContainerIp",
		{ container: "web", interface: "eth1", addresses: ["10.0.0.5/32"], gateway: "224.0.0.1" },
		`gateway: found "224.0.0.1", expected a machine's address; correct it`,
	],
	[
		"StaticContainerIp",
		{ container: "web", interface: "eth1", addresses: ["10.0.0.5/24"], ...route("10.9.0.0/16", "10.0.0.5") },
		`routes[0].via: found "10.0.0.5", expected another machine's address; it is the container's own: correct it, or leave it out`,
	],
	[
		"NatPublish",
		publish({ hostIp: "224.0.0.1" }),
		'hostIp: found "224.0.0.1", expected an address that the host can have; correct it, or leave it out for all of the host\'s addresses',
	],
	[
		"NatPublish",
		publish({ target: "::ffff:10.0.0.5" }),
		'target: found "::ffff:10.0.0.5", expected an IPv4 or IPv6 address; write 10.0.0.5, without "::ffff:"',
	],
	[
		"OvnPort",
		{ switch: "apps", addresses: ["127.0.0.1"] },
		'addresses[0]: found "127.0.0.1", expected an address that an interface can have; correct it',
	],
	[
		"OvnSwitch",
		{ acls: [{ direction: "to-lport", priority: 1, match: " ip4", action: "drop" }] },
		'acls[0].match: found " ip4", expected an expression without spaces around it; take them away',
	],
	[
		"OvnSwitch",
		{ northbound: "tcp:10.0.0.1:06641" },
		'northbound: found "tcp:10.0.0.1:06641", expected the address of a database, as "ssl:192.0.2.1:6642", or several with commas between; write tcp or ssl, an IP address (an IPv6 one in [ ]) and a port',
	],
	[
		"OvnRouter",
		edge({ publish: [{ protocol: "udp", address: "192.0.2.60", target: "10.72.0.5" }] }),
		'publish[0].protocol: found "udp", expected port beside it; give port, or leave it out',
	],
	[
		"OvnRouter",
		edge({ publish: [{ port: 80, address: "224.0.0.1", target: "10.72.0.5" }] }),
		'publish[0].address: found "224.0.0.1", expected an address that the router can have; correct it',
	],
	[
		"OvnRouter",
		edge({ snat: [{ from: "10.72.0.0/24", to: "0.0.0.0" }] }),
		'snat[0].to: found "0.0.0.0", expected an address that the router can have; correct it',
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "0.0.0.0/0", via: "192.0.2.255" }] }),
		'routes[0].via: found "192.0.2.255", expected the address of another router; correct it',
	],
	["OvsBridge", { name: "a-name-of-16-byt" }, `name: found "a-name-of-16-byt", expected ${NAME}; shorten it to at most 15 bytes`],
	["OvsBridge", { name: "-x" }, `name: found "-x", expected ${NAME}; ${OTHER_NAME}`],
	["OvsBridge", { name: ".." }, `name: found "..", expected ${NAME}; ${OTHER_NAME}`],
	["OvsBridge", { name: 7 }, `name: found 7, expected ${NAME}; write it in quotes`],
	["OvsBridge", { mtu: 67 }, "mtu: found 67, expected a whole number from 68 to 65535; choose one in this range"],
	["OvsBridge", { mtu: "1500" }, 'mtu: found "1500", expected a whole number from 68 to 65535; write it without quotes'],
	["OvsBridge", { mtu: 1.5 }, "mtu: found 1.5, expected a whole number from 68 to 65535; choose one in this range"],
	[
		"OvsBridge",
		{ mtu: 1279, addresses: ["fd00::1/64"] },
		"mtu: found 1279, expected at least 1280 for IPv6; raise it, or remove the IPv6 addresses",
	],
	["OvsBridge", { datapath: "kernel" }, 'datapath: found "kernel", expected one of "system", "netdev"; choose one of these'],
	[
		"OvsBridge",
		{ addresses: "10.0.0.1/24" },
		`addresses: found "10.0.0.1/24", expected a list, each entry ${CIDR}; put it in [ ]`,
	],
	[
		"OvsBridge",
		{ addresses: ["10.0.0.1"] },
		`addresses[0]: found "10.0.0.1", expected ${CIDR}; add the prefix length, as in 10.0.0.1/24`,
	],
	[
		"OvsBridge",
		{ addresses: ["10.0.0.0/24"] },
		`addresses[0]: found "10.0.0.0/24", expected a host's address; this one names the subnet itself: choose the next one`,
	],
	[
		"OvsBridge",
		{ addresses: ["127.0.0.1/8"] },
		'addresses[0]: found "127.0.0.1/8", expected an address that an interface can have; choose one inside the subnet',
	],
	[
		"OvsBridge",
		{ addresses: ["10.0.0.1/24", "10.0.0.1/16"] },
		'addresses[1]: found "10.0.0.1/16", expected every address once; remove it: addresses[0] has it too',
	],
	[
		"OvsBridge",
		{ addresses: ["010.0.0.1/24"] },
		`addresses[0]: found "010.0.0.1/24", expected ${CIDR}; write 10.0.0.1/24, without leading zeros`,
	],
	[
		"OvsBridge",
		{ addresses: ["fe80::1%eth0/64"] },
		`addresses[0]: found "fe80::1%eth0/64", expected ${CIDR}; leave out the zone after "%"`,
	],
	[
		"OvsBridge",
		{ stp: true, rstp: true },
		"rstp: found true, expected at most one of stp and rstp; keep rstp, which is the newer one",
	],
	[
		"OvsBridge",
		{ controllers: ["--db=tcp:1.2.3.4"] },
		'controllers[0]: found "--db=tcp:1.2.3.4", expected an OpenFlow controller such as tcp:192.0.2.1:6653; write it as ovs-vsctl set-controller takes it',
	],
	[
		"OvsBridge",
		{ otherConfig: { "a=b": "x" } },
		'otherConfig["a=b"]: found "a=b", expected the name of an other_config key; see ovs-vswitchd.conf.db(5)',
	],
	["OvsBridge", { failmode: "secure" }, 'failmode: found "failmode", expected no such property; did you mean failMode?'],
	["OvsBridge", { adopt: "yes" }, 'adopt: found "yes", expected true or false; write one of them'],
	[
		"OvsBridge",
		{ uplinks: ["e0", "e0"] },
		'uplinks[1]: found "e0", expected every entry only once; remove it, uplinks[0] is the same',
	],
	[
		"StaticRoute",
		{ from: "10.80.1.1/24" },
		'from: found "10.80.1.1/24", expected a network, with no bits set behind its prefix; write it as 10.80.1.0/24',
	],
	[
		"StaticRoute",
		{ to: "10.80.0.0/16" },
		'to: found "10.80.0.0/16", expected a network that shares no address with 10.80.1.0/24; correct one of the two',
	],
	["StaticRoute", { to: "fd00::/64" }, 'to: found "fd00::/64", expected an IPv4 network, as via is; correct one of the two'],
	[
		"StaticRoute",
		{ via: "10.80.2.1" },
		'via: found "10.80.2.1", expected an address outside of 10.80.2.0/24; write the neighbour\'s address',
	],
	["OvsTunnel", { type: "vlxan" }, 'type: found "vlxan", expected one of "vxlan", "geneve", "gre"; did you mean "vxlan"?'],
	["OvsTunnel", { type: undefined }, 'type: found nothing, expected one of "vxlan", "geneve", "gre"; give it a value'],
	["OvsTunnel", { bridge: "-x" }, `bridge: found "-x", expected ${NAME}; ${OTHER_NAME}`],
	["OvsTunnel", { name: "a-name-of-16-byt" }, `name: found "a-name-of-16-byt", expected ${NAME}; shorten it to at most 15 bytes`],
	[
		"OvsTunnel",
		{ remote: "h2.example" },
		'remote: found "h2.example", expected an IPv4 or IPv6 address; write it like 10.0.0.5 or fd00::5',
	],
	[
		"OvsTunnel",
		{ remote: "10.0.0.2/24" },
		'remote: found "10.0.0.2/24", expected an IPv4 or IPv6 address; leave out the prefix length',
	],
	["OvsTunnel", { remote: "flow" }, 'remote: found "flow", expected an IPv4 or IPv6 address; write it like 10.0.0.5 or fd00::5'],
	[
		"OvsTunnel",
		{ remote: "fe80::2" },
		'remote: found "fe80::2", expected an address that another host can have and a route can lead to; write the other host\'s address',
	],
	[
		"OvsTunnel",
		{ remote: "224.0.0.5" },
		'remote: found "224.0.0.5", expected an address that another host can have and a route can lead to; write the other host\'s address',
	],
	[
		"OvsTunnel",
		{ key: 16777216 },
		"key: found 16777216, expected a whole number from 0 to 16777215: vxlan has 24 bits for it; choose a smaller one",
	],
	["OvsTunnel", { key: -1 }, "key: found -1, expected a whole number from 0 to 4294967295; choose one in this range"],
	[
		"OvsTunnel",
		{ type: "gre", key: 4294967296 },
		"key: found 4294967296, expected a whole number from 0 to 4294967295; choose one in this range",
	],
	["OvsTunnel", { key: "42" }, 'key: found "42", expected a whole number from 0 to 4294967295; write it without quotes'],
	[
		"OvsTunnel",
		{ localIp: "fd00::1" },
		'localIp: found "fd00::1", expected an IPv4 address, as remote is; correct one of the two',
	],
	[
		"OvsTunnel",
		{ localIp: "192.0.2.2" },
		'localIp: found "192.0.2.2", expected another address than remote; write this host\'s own address',
	],
	[
		"OvsTunnel",
		{ type: "gre", port: 4789 },
		"port: found 4789, expected no port with type gre, which is an IP protocol of its own; remove it",
	],
	["OvsTunnel", { port: 0 }, "port: found 0, expected a whole number from 1 to 65535; choose one in this range"],
	["OvsTunnel", { mtu: 67 }, "mtu: found 67, expected a whole number from 68 to 65535; choose one in this range"],
	["OvsTunnel", { tos: 256 }, "tos: found 256, expected a whole number from 0 to 255; choose one in this range"],
	[
		"OvsTunnel",
		{ tos: 255 },
		"tos: found 255, expected a multiple of 4, because the two lowest bits are those of ECN; write 252",
	],
	["OvsTunnel", { tos: "inherits" }, 'tos: found "inherits", expected one of "inherit"; did you mean "inherit"?'],
	["OvsTunnel", { ttl: 0 }, "ttl: found 0, expected a whole number from 1 to 255; choose one in this range"],
	["OvsTunnel", { df: "yes" }, 'df: found "yes", expected true or false; write one of them'],
	["OvsTunnel", { csum: 1 }, "csum: found 1, expected true or false; write one of them"],
	["OvsTunnel", { protected: "no" }, 'protected: found "no", expected true or false; write one of them'],
	["OvsTunnel", { trunks: [] }, "trunks: found [], expected a list of at least 1 entry; add one"],
	["OvsTunnel", { trunks: [4095] }, "trunks[0]: found 4095, expected a whole number from 1 to 4094; choose one in this range"],
	["OvsTunnel", { trunks: [5, 5] }, "trunks[1]: found 5, expected every entry only once; remove it, trunks[0] is the same"],
	["OvsTunnel", { remot: "192.0.2.2" }, 'remot: found "remot", expected no such property; did you mean remote?'],
	[
		"IsolatedNetwork",
		{ subnet: "10.0.0.5/24" },
		'subnet: found "10.0.0.5/24", expected a network, with no bits set behind its prefix; write it as 10.0.0.0/24',
	],
	[
		"IsolatedNetwork",
		{ gateway: "10.0.1.1" },
		'gateway: found "10.0.1.1", expected an address in 10.0.0.0/24; choose one, or leave it out for the first',
	],
	[
		"IsolatedNetwork",
		{ gateway: "10.0.0.255" },
		'gateway: found "10.0.0.255", expected a host\'s address; choose another one in the subnet',
	],
	["IsolatedNetwork", { egress: "lan" }, 'egress: found "lan", expected one of "none", "internet", "all"; choose one of these'],
	["IsolatedNetwork", { clients: true }, 'clients: found true, expected one of "open", "isolated"; choose one of these'],
	[
		"IsolatedNetwork",
		{ services: ["udp/0"] },
		'services[0]: found "udp/0", expected a protocol and a port of the host; write it like udp/53',
	],
	[
		"IsolatedNetwork",
		{ services: ["tcp/65536"] },
		'services[0]: found "tcp/65536", expected a protocol and a port of the host; write it like udp/53',
	],
	["IsolatedNetwork", { vlan: 4095 }, "vlan: found 4095, expected a whole number from 1 to 4094; choose one in this range"],
	["IsolatedNetwork", { vlan: "10" }, 'vlan: found "10", expected a whole number from 1 to 4094; write it without quotes'],
	["VethAttachment", { portSecurity: "on" }, 'portSecurity: found "on", expected true or false; write one of them'],
	[
		"VethAttachment",
		{ portSecurity: true, vlan: { trunks: [1] } },
		"portSecurity: found true, expected an access port; nothing is declared about the addresses in a trunk's VLANs: leave one out",
	],
	["StaticContainerIp", { portSecurity: 1 }, "portSecurity: found 1, expected true or false; write one of them"],
	["VethAttachment", { vlan: 0 }, "vlan: found 0, expected a whole number from 1 to 4094; choose one in this range"],
	["VethAttachment", { vlan: 4095 }, "vlan: found 4095, expected a whole number from 1 to 4094; choose one in this range"],
	[
		"VethAttachment",
		{ vlan: "10" },
		'vlan: found "10", expected a whole number from 1 to 4094, or { tag } or { trunks, native }; write one of these',
	],
	[
		"VethAttachment",
		{ vlan: { tag: 1, trunks: [2] } },
		"vlan.tag: found 1, expected either tag, or trunks with native; write native for the untagged VLAN of a trunk",
	],
	["VethAttachment", { vlan: { native: 2 } }, "vlan.native: found 2, expected trunks beside it; write tag for an access port"],
	["VethAttachment", { vlan: { trunks: [] } }, "vlan.trunks: found [], expected a list of at least 1 entry; add one"],
	[
		"VethAttachment",
		{ mac: "02:00" },
		'mac: found "02:00", expected a unicast Ethernet address; write it like 02:00:00:00:00:01',
	],
	[
		"VethAttachment",
		{ mac: "01:00:5e:00:00:01" },
		'mac: found "01:00:5e:00:00:01", expected a unicast Ethernet address; clear the lowest bit of the first byte, which marks a group',
	],
	[
		"VethAttachment",
		{ mac: "00:00:00:00:00:00" },
		'mac: found "00:00:00:00:00:00", expected a unicast Ethernet address; leave it out to have one derived',
	],
	[
		"VethAttachment",
		{ container: "-v" },
		`container: found "-v", expected a container's name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit; pass a docker.Container, its id or its name`,
	],
	["VethAttachment", { bridge: undefined }, `bridge: found nothing, expected ${NAME}; give it a value`],
	["VethAttachment", { contaner: "x" }, 'contaner: found "contaner", expected no such property; did you mean container?'],
	["StaticContainerIp", { addresses: [] }, "addresses: found [], expected a list of at least 1 entry; add one"],
	[
		"StaticContainerIp",
		{ addresses: ["10.0.0.255/24"] },
		`addresses[0]: found "10.0.0.255/24", expected a host's address; this one is the subnet's broadcast address: choose the one before`,
	],
	[
		"StaticContainerIp",
		{ addresses: ["224.0.0.1/24"] },
		'addresses[0]: found "224.0.0.1/24", expected an address that an interface can have; choose one inside the subnet',
	],
	[
		"StaticContainerIp",
		{ addresses: ["0.0.0.0/0"] },
		'addresses[0]: found "0.0.0.0/0", expected an address that an interface can have; choose one inside the subnet',
	],
	["StaticContainerIp", { addresses: ["10.0.0.5/33"] }, `addresses[0]: found "10.0.0.5/33", expected ${CIDR}; ${LIKE}`],
	[
		"StaticContainerIp",
		{ gateway: "10.0.1.1" },
		'gateway: found "10.0.1.1", expected an address inside 10.0.0.5/24; correct the gateway or the prefix length',
	],
	[
		"StaticContainerIp",
		{ gateway: "10.0.0.5" },
		`gateway: found "10.0.0.5", expected another machine's address; it is the container's own: correct one of the two`,
	],
	[
		"StaticContainerIp",
		{ gateway: "10.0.0.255" },
		`gateway: found "10.0.0.255", expected a machine's address; this one is the subnet's own or its broadcast address: correct it`,
	],
	["StaticContainerIp", { gateway: "fd00::1" }, 'gateway: found "fd00::1", expected an IPv4 address; write it like 10.0.0.5'],
	[
		"StaticContainerIp",
		{ gateway: "10.0.0.1/24" },
		'gateway: found "10.0.0.1/24", expected an IPv4 address; leave out the prefix length',
	],
	[
		"StaticContainerIp",
		{ gateway: ["10.0.0.1", "10.0.0.2"] },
		'gateway: found ["10.0.0.1","10.0.0.2"], expected an IPv4 address; write it like 10.0.0.5',
	],
	[
		"StaticContainerIp",
		{ gateway6: "fd00::1" },
		'gateway6: found "fd00::1", expected an IPv6 address among addresses; add one, or remove the gateway',
	],
	[
		"StaticContainerIp",
		{ gateway: "10.0.0.1", ...route("0.0.0.0/0", "10.0.0.2") },
		'routes[0].to: found "0.0.0.0/0", expected one default route of a family; remove it: gateway makes it',
	],
	[
		"StaticContainerIp",
		route("10.9.0.1/16"),
		'routes[0].to: found "10.9.0.1/16", expected a network, with no bits set behind its prefix; write it as 10.9.0.0/16',
	],
	[
		"StaticContainerIp",
		route("fd00::/64"),
		`routes[0].to: found "fd00::/64", expected a destination of the addresses' family, IPv4; add an IPv6 address, or remove the route`,
	],
	[
		"StaticContainerIp",
		route("10.9.0.0/16", "fd00::1"),
		'routes[0].via: found "fd00::1", expected an IPv4 address, as in to; correct one of the two',
	],
	[
		"StaticContainerIp",
		{ defaultRoute: true },
		"defaultRoute: found true, expected a gateway beside it; add gateway or gateway6",
	],
	["NatPublish", publish({ hostPorts: undefined }), `hostPorts: found nothing, expected ${PORTS}; give it a value`],
	["NatPublish", publish({ hostPorts: 0 }), `hostPorts: found 0, expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: 65536 }), `hostPorts: found 65536, expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: 80.5 }), `hostPorts: found 80.5, expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: "080" }), `hostPorts: found "080", expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: "80-90-99" }), `hostPorts: found "80-90-99", expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: "80,443" }), `hostPorts: found "80,443", expected ${PORTS}; write it like this`],
	["NatPublish", publish({ hostPorts: "90-80" }), `hostPorts: found "90-80", expected ${PORTS}; write it as "80-90"`],
	[
		"NatPublish",
		publish({ protocol: "icmp" }),
		'protocol: found "icmp", expected one of "tcp", "udp", "sctp"; choose one of these',
	],
	[
		"NatPublish",
		publish({ protocol: "TCP" }),
		'protocol: found "TCP", expected one of "tcp", "udp", "sctp"; did you mean "tcp"?',
	],
	[
		"NatPublish",
		publish({ target: "10.0.0.5/24" }),
		'target: found "10.0.0.5/24", expected an IPv4 or IPv6 address; leave out the prefix length',
	],
	[
		"NatPublish",
		publish({ target: "127.0.0.1" }),
		'target: found "127.0.0.1", expected an address that an interface can have; write the container\'s address',
	],
	[
		"NatPublish",
		publish({ targetPort: 0 }),
		"targetPort: found 0, expected a whole number from 1 to 65535; choose one in this range",
	],
	[
		"NatPublish",
		publish({ hostPorts: "8000-8999", targetPort: 65000 }),
		"targetPort: found 65000, expected at most 64536, so that 1000 ports follow; choose a lower one",
	],
	[
		"NatPublish",
		publish({ hostPorts: "8000-9999", targetPort: 9000 }),
		"targetPort: found 9000, expected 8000, or at most 1024 ports; leave it out, so that the range is one element",
	],
	[
		"NatPublish",
		publish({ hostIp: "0.0.0.0" }),
		'hostIp: found "0.0.0.0", expected one address; leave it out for all of the host\'s addresses',
	],
	[
		"NatPublish",
		publish({ hostIp: "fd00::1" }),
		'hostIp: found "fd00::1", expected an IPv4 address, as the target is; correct one of the two',
	],
	[
		"NatPublish",
		publish({ hostIp: "127.0.0.1" }),
		'hostIp: found "127.0.0.1", expected localhost: true beside it; set it, or choose another address',
	],
	[
		"NatPublish",
		publish({ hostIp: "::1", target: "fd00::5" }),
		'hostIp: found "::1", expected another address; Linux routes loopback addresses in IPv4 only',
	],
	[
		"NatPublish",
		publish({ localhost: true, target: "fd00::5" }),
		"localhost: found true, expected an IPv4 target; Linux routes loopback addresses in IPv4 only",
	],
	["NatPublish", publish({ localhost: "yes" }), 'localhost: found "yes", expected true or false; write one of them'],
	["NatPublish", publish({ hairpin: 1 }), "hairpin: found 1, expected true or false; write one of them"],
	["NatPublish", publish({ allowFrom: [] }), "allowFrom: found [], expected a list of at least 1 entry; add one"],
	[
		"NatPublish",
		publish({ allowFrom: ["10.1.0.0"] }),
		`allowFrom[0]: found "10.1.0.0", expected ${CIDR}; add the prefix length, as in 10.1.0.0/24`,
	],
	[
		"NatPublish",
		publish({ allowFrom: ["10.1.0.5/16"] }),
		'allowFrom[0]: found "10.1.0.5/16", expected a network, with no bits set behind its prefix; write it as 10.1.0.0/16',
	],
	[
		"NatPublish",
		publish({ allowFrom: ["fd00::/64"] }),
		'allowFrom[0]: found "fd00::/64", expected an IPv4 network, as the target is; correct one of the two',
	],
	[
		"OvnChassis",
		{ bridgeMappings: { "a:b": "br0" } },
		'bridgeMappings["a:b"]: found "a:b", expected a name: A-Z a-z 0-9 _ . -, beginning with a letter, a digit or _; choose another name, the same in localnet and in bridgeMappings',
	],
	[
		"OvnSwitch",
		{ localnet: { network: "a,b" } },
		'localnet.network: found "a,b", expected a name: A-Z a-z 0-9 _ . -, beginning with a letter, a digit or _; choose another name, the same in localnet and in bridgeMappings',
	],
	[
		"OvnSwitch",
		{ localnet: { network: "outside", vlan: 4095 } },
		"localnet.vlan: found 4095, expected a whole number from 1 to 4094; choose one in this range",
	],
	["OvnRouter", { ports: [] }, "ports: found [], expected a list of at least 1 entry; add one"],
	[
		"OvnRouter",
		{ ports: [apps, { ...apps, addresses: ["10.73.0.1/24"] }] },
		'ports[1].switch: found "apps", expected one port for a switch; put its addresses into ports[0]',
	],
	[
		"OvnRouter",
		{ ports: [apps, { ...outside, addresses: ["10.72.0.9/16"] }] },
		'ports[1].addresses[0]: found "10.72.0.9/16", expected a network of its own, and ports[0].addresses[0] lies in the same; correct one of the two',
	],
	[
		"OvnRouter",
		{ ports: [{ ...apps, addresses: ["10.72.0.0/24"] }] },
		'ports[0].addresses[0]: found "10.72.0.0/24", expected an address that an interface can have, with the prefix length of its network; choose another one',
	],
	[
		"OvnRouter",
		{ ports: [{ ...apps, chassis: ["h1"] }, outside] },
		'ports[1].chassis: found "h1", expected chassis at one port alone; leave them out where the router does not lead to the outside',
	],
	[
		"OvnRouter",
		{ ports: [{ ...apps, mtu: 1442 }, outside] },
		"ports[0].mtu: found 1442, expected chassis beside it, for it is the way to the outside that has one; leave it out",
	],
	[
		"OvnRouter",
		{
			ports: [
				{ ...apps, addresses: ["fd00:72::1/64"] },
				{ ...outside, mtu: 1279 },
			],
		},
		"ports[1].mtu: found 1279, expected at least 1280, because the router has IPv6 addresses; raise it",
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "10.9.0.0/16", via: "10.72.0.1" }] }),
		'routes[0].via: found "10.72.0.1", expected the address of another router; correct it',
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "10.9.0.0/16", via: "192.0.2.1" }], snat: [{ from: "10.72.0.0/24", to: "192.0.2.1" }] }),
		`snat[0].to: found "192.0.2.1", expected an address of the router's own, and routes[0] goes via it; choose another one`,
	],
	[
		"OvnRouter",
		edge({ publish: [{ port: 80, target: "10.72.0.1" }] }),
		'publish[0].target: found "10.72.0.1", expected an address of a container, not of the router; correct it',
	],
	[
		"OvnRouter",
		edge({ publish: ["192.0.2.61", "192.0.2.62"].map((address) => ({ address, target: "10.72.0.5" })) }),
		'publish[1].target: found "10.72.0.5", expected one address for a target; remove it, or publish[0]',
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "10.9.0.0/16", via: "10.74.0.1" }] }),
		'routes[0].via: found "10.74.0.1", expected an address in the network of one of ports; correct one of the two',
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "10.9.0.1/16", via: "10.72.0.9" }] }),
		'routes[0].to: found "10.9.0.1/16", expected a network, with no bits set behind its prefix; write it as 10.9.0.0/16',
	],
	[
		"OvnRouter",
		edge({ routes: [{ to: "fd00::/64", via: "10.72.0.9" }] }),
		'routes[0].via: found "10.72.0.9", expected an IPv6 address, as to is; correct one of the two',
	],
	[
		"OvnRouter",
		{ ports: [apps], snat: [{ from: "10.72.0.0/24" }] },
		'snat[0]: found "10.72.0.0/24", expected a port with chassis beside it, where addresses are translated; give one of ports its chassis',
	],
	[
		"OvnRouter",
		edge({ snat: [{ from: "10.72.0.0/24" }, { from: "10.72.0.0/24", to: "192.0.2.51" }] }),
		'snat[1].from: found "10.72.0.0/24", expected every entry only once; remove it, or snat[0]',
	],
	[
		"OvnRouter",
		edge({ snat: [{ from: "fd00::/64" }] }),
		"snat[0].to: found nothing, expected an IPv6 address, as from is; give one, or an address to the port with chassis",
	],
	[
		"OvnRouter",
		{ ports: [apps], publish: [{ port: 80, target: "10.72.0.5" }] },
		'publish[0]: found "10.72.0.5", expected a port with chassis beside it, where addresses are translated; give one of ports its chassis',
	],
	[
		"OvnRouter",
		edge({ publish: [{ target: "10.72.0.5" }] }),
		"publish[0].port: found nothing, expected a port, or an address for the target alone; give one of the two",
	],
	[
		"OvnRouter",
		edge({ publish: [{ address: "192.0.2.51", targetPort: 80, target: "10.72.0.5" }] }),
		"publish[0].targetPort: found 80, expected port beside it; give port, or leave it out",
	],
	[
		"OvnRouter",
		edge({ publish: [{ address: "192.0.2.50", target: "10.72.0.5" }] }),
		'publish[0].address: found "192.0.2.50", expected an address that the router itself does not have; give port, or choose another one',
	],
	[
		"OvnRouter",
		edge({ publish: [{ port: 80, target: "fd00::5" }] }),
		"publish[0].address: found nothing, expected an IPv6 address, as target is; give one",
	],
	[
		"OvnRouter",
		edge({
			publish: [
				{ port: 80, target: "10.72.0.5" },
				{ port: 80, address: "192.0.2.50", target: "10.72.0.6" },
			],
		}),
		'publish[1]: found "tcp 192.0.2.50:80", expected every entry only once; remove it, or publish[0]',
	],
	["NatPublish", publish({ hostPort: 80 }), 'hostPort: found "hostPort", expected no such property; did you mean hostPorts?'],
];

const hosts: [unknown, string][] = [
	[{}, "host.address: found nothing, expected a host name, an IPv4 or an IPv6 address; give it a value"],
	[{ address: "10.0.0.256" }, `host.address: found "10.0.0.256", expected ${ADDRESS}`],
	[{ address: "-oProxyCommand=x" }, `host.address: found "-oProxyCommand=x", expected ${ADDRESS}`],
	[{ address: "x", port: 0 }, "host.port: found 0, expected a whole number from 1 to 65535; choose one in this range"],
	[
		{ address: "x", user: "a;b" },
		'host.user: found "a;b", expected a login name: A-Z a-z 0-9 _ . -, not beginning with "-" or "."; write only the name',
	],
	[
		{ address: "x", transport: "ssh" },
		'host.transport: found "ssh", expected one of "ssh2", "openssh", "local"; did you mean "ssh2"?',
	],
	["web", 'host: found "web", expected a host: { address, user, port … }; write it as { address, port, user … }'],
];

describe("a bad input", () => {
	for (const [kind, args, sentence] of table)
		it(`of ${kind} is refused: ${JSON.stringify(args)}`, () =>
			expect(reasons(kind, { ...good[kind], ...args })).to.deep.equal([sentence]));
	for (const [host, sentence] of hosts)
		it(`of a host is refused: ${JSON.stringify(host)}`, () => expect(reasons("OvsBridge", {}, host)).to.deep.equal([sentence]));

	it("is a list of more rows of OVN than one transaction shall make", () => {
		const lists: [KindName, string][] = [
			["OvnSwitch", "acls"],
			...["ports", "routes", "snat", "publish"].map((input): [KindName, string] => ["OvnRouter", input]),
		];
		for (const [kind, input] of lists) {
			const [said, ...more] = reasons(kind, { ...good[kind], [input]: Array(1001).fill({}) });
			expect(more, input).to.deep.equal([]);
			expect(said).to.match(new RegExp(`^${input}: found .* expected a list of at most 1000 entries; remove some$`));
		}
	});

	it("is named together with all the others of its resource", () => {
		const bad = {
			container: "-x",
			interface: "abcdefghijklmnopq",
			addresses: ["10.0.0.300/24"],
			gateway: "x",
			gatway6: "y",
			routes: [{ to: "1" }],
			adopt: 2,
		};
		expect(reasons("StaticContainerIp", bad, { address: "-x", port: 0 }).map((reason) => reason.split(":")[0])).to.deep.equal([
			"host.address",
			"host.port",
			"gatway6",
			"container",
			"interface",
			"addresses[0]",
			"gateway",
			"routes[0].to",
			"adopt",
		]);
	});

	it("does not show key material", () => {
		const body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQ";
		for (const key of [body, `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}`]) {
			const said = reasons("OvsBridge", {}, { address: "x", identityFile: key });
			expect(said).to.have.length(1);
			expect(said[0]).not.to.include(body.slice(0, 10));
		}
	});
});
