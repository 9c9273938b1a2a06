// Every mistake that can be seen without a host is refused in preview with one sentence: property, found, expected, way out.
import { expect } from "chai";
import { checkOf, type Part } from "./programs";

const mistakes: [Part, Record<string, unknown>, string][] = [
	[
		"bridge",
		{ name: "a-name-of-16-byte" },
		'name: found "a-name-of-16-byte", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; shorten it to at most 15 bytes',
	],
	[
		"bridge",
		{ name: "br 0" },
		'name: found "br 0", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"bridge",
		{ name: "-br0" },
		'name: found "-br0", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"bridge",
		{ name: "br/0" },
		'name: found "br/0", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"bridge",
		{ name: "$(reboot)" },
		'name: found "$(reboot)", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"bridge",
		{ name: "" },
		'name: found "", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"bridge",
		{ name: 5 },
		'name: found 5, expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; write it in quotes',
	],
	["bridge", { datapath: "kernel" }, 'datapath: found "kernel", expected one of "system", "netdev"; choose one of these'],
	[
		"bridge",
		{ addresses: ["10.0.0.1"] },
		'addresses[0]: found "10.0.0.1", expected an address with a prefix length; add the prefix length, as in 10.0.0.1/24',
	],
	[
		"bridge",
		{ addresses: ["10.0.0.256/24"] },
		'addresses[0]: found "10.0.0.256/24", expected an address with a prefix length; write it like 10.0.0.5/24 or fd00::5/64',
	],
	[
		"bridge",
		{ addresses: ["10.0.0.1/33"] },
		'addresses[0]: found "10.0.0.1/33", expected an address with a prefix length; write it like 10.0.0.5/24 or fd00::5/64',
	],
	[
		"bridge",
		{ addresses: "10.0.0.1/24" },
		'addresses: found "10.0.0.1/24", expected a list, each entry an address with a prefix length; put it in [ ]',
	],
	["bridge", { mtu: 67 }, "mtu: found 67, expected a whole number from 68 to 65535; choose one in this range"],
	["bridge", { mtu: "1500" }, 'mtu: found "1500", expected a whole number from 68 to 65535; write it without quotes'],
	[
		"bridge",
		{ uplinks: ["eth0; reboot"] },
		'uplinks[0]: found "eth0; reboot", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	["bridge", { failMode: "open" }, 'failMode: found "open", expected one of "standalone", "secure"; choose one of these'],
	[
		"bridge",
		{ stp: true, rstp: true },
		"rstp: found true, expected at most one of stp and rstp; keep rstp, which is the newer one",
	],
	["bridge", { stp: "yes" }, 'stp: found "yes", expected true or false; write one of them'],
	[
		"bridge",
		{ controllers: ["192.0.2.9:6653"] },
		'controllers[0]: found "192.0.2.9:6653", expected an OpenFlow controller such as tcp:192.0.2.1:6653; write it as ovs-vsctl set-controller takes it',
	],
	[
		"bridge",
		{ protocols: ["OpenFlow13", "OpenFlow9"] },
		'protocols[1]: found "OpenFlow9", expected one of "OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"; did you mean "OpenFlow10"?',
	],
	[
		"bridge",
		{ otherConfig: { "a b": "c" } },
		'otherConfig["a b"]: found "a b", expected the name of an other_config key; see ovs-vswitchd.conf.db(5)',
	],
	[
		"bridge",
		{ otherConfig: { hwaddr: "a\nb" } },
		'otherConfig.hwaddr: found "a\\nb", expected printable text on one line, not empty; remove line breaks and control characters',
	],
	[
		"bridge",
		{ adress: ["10.0.0.1/24"] },
		'adress: found "adress", expected only name, datapath, addresses, mtu, uplinks, failMode, rstp, stp, mcastSnooping, controllers, protocols, otherConfig, adopt; remove it',
	],
	["bridge", { adopt: "true" }, 'adopt: found "true", expected true or false; write it without quotes'],
	[
		"attachment",
		{ container: "--help" },
		'container: found "--help", expected a container\'s name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit; pass a docker.Container, its id or its name',
	],
	[
		"attachment",
		{ container: "web;id" },
		'container: found "web;id", expected a container\'s name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit; pass a docker.Container, its id or its name',
	],
	[
		"attachment",
		{ container: undefined },
		"container: found nothing, expected a container's name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit; give it a value",
	],
	[
		"attachment",
		{ bridge: "br0 -- del-br br1" },
		'bridge: found "br0 -- del-br br1", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; shorten it to at most 15 bytes',
	],
	[
		"attachment",
		{ interface: "a-name-of-16-byte" },
		'interface: found "a-name-of-16-byte", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; shorten it to at most 15 bytes',
	],
	[
		"attachment",
		{ interface: ".." },
		'interface: found "..", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"attachment",
		{ hostInterface: "eth0:1" },
		'hostInterface: found "eth0:1", expected an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"; choose another name, or leave it out to have one derived',
	],
	[
		"attachment",
		{ mac: "01:00:5e:00:00:01" },
		'mac: found "01:00:5e:00:00:01", expected a unicast Ethernet address; clear the lowest bit of the first byte, which marks a group',
	],
	[
		"attachment",
		{ mac: "2:0:0:0:0:1" },
		'mac: found "2:0:0:0:0:1", expected a unicast Ethernet address; write it like 02:00:00:00:00:01',
	],
	["attachment", { mac: "zz" }, 'mac: found "zz", expected a unicast Ethernet address; write it like 02:00:00:00:00:01'],
	["attachment", { mtu: 70000 }, "mtu: found 70000, expected a whole number from 68 to 65535; choose one in this range"],
	["attachment", { vlan: 4095 }, "vlan: found 4095, expected a whole number from 1 to 4094; choose one in this range"],
	["attachment", { vlan: 0 }, "vlan: found 0, expected a whole number from 1 to 4094; choose one in this range"],
	[
		"attachment",
		{ vlan: { tag: 10, trunks: [20] } },
		"vlan.tag: found 10, expected either tag, or trunks with native; write native for the untagged VLAN of a trunk",
	],
	["attachment", { vlan: { native: 10 } }, "vlan.native: found 10, expected trunks beside it; write tag for an access port"],
	["attachment", { vlan: { trunks: [] } }, "vlan.trunks: found [], expected a list of at least 1 entry; add one"],
	[
		"attachment",
		{ vlan: { trunks: [10, 4095] } },
		"vlan.trunks[1]: found 4095, expected a whole number from 1 to 4094; choose one in this range",
	],
	[
		"attachment",
		{ vlan: "10" },
		'vlan: found "10", expected a whole number from 1 to 4094, or { tag } or { trunks, native }; write one of these',
	],
	["addresses", { addresses: [] }, "addresses: found [], expected a list of at least 1 entry; add one"],
	[
		"addresses",
		{ addresses: ["10.0.0.0/24"] },
		'addresses[0]: found "10.0.0.0/24", expected a host\'s address; this one names the subnet itself: choose the next one',
	],
	[
		"addresses",
		{ addresses: ["10.0.0.255/24"] },
		"addresses[0]: found \"10.0.0.255/24\", expected a host's address; this one is the subnet's broadcast address: choose the one before",
	],
	[
		"addresses",
		{ addresses: ["127.0.0.1/8"] },
		'addresses[0]: found "127.0.0.1/8", expected an address that an interface can have; choose one inside the subnet',
	],
	[
		"addresses",
		{ addresses: ["224.0.0.1/24"] },
		'addresses[0]: found "224.0.0.1/24", expected an address that an interface can have; choose one inside the subnet',
	],
	[
		"addresses",
		{ addresses: ["10.0.0.5/24", "10.0.0.5/16"] },
		'addresses[1]: found "10.0.0.5/16", expected every address once; remove it: addresses[0] has it too',
	],
	[
		"addresses",
		{ addresses: ["fe80::1%eth0/64"] },
		'addresses[0]: found "fe80::1%eth0/64", expected an address with a prefix length; leave out the zone after "%"',
	],
	[
		"addresses",
		{ gateway: "10.0.1.1" },
		'gateway: found "10.0.1.1", expected an address inside 10.0.0.5/24; correct the gateway or the prefix length',
	],
	[
		"addresses",
		{ gateway: "10.0.0.5" },
		"gateway: found \"10.0.0.5\", expected another machine's address; it is the container's own: correct one of the two",
	],
	["addresses", { gateway: "fd00::1" }, 'gateway: found "fd00::1", expected an IPv4 address; write it like 10.0.0.5'],
	[
		"addresses",
		{ gateway6: "fd00::1" },
		'gateway6: found "fd00::1", expected an IPv6 address among addresses; add one, or remove the gateway',
	],
	[
		"addresses",
		{ gateway: "10.0.0.1", routes: [{ to: "0.0.0.0/0", via: "10.0.0.2" }] },
		'routes[0].to: found "0.0.0.0/0", expected one default route of a family; remove it: gateway makes it',
	],
	[
		"addresses",
		{ routes: [{ to: "10.1.0.0/16", via: "fd00::1" }] },
		'routes[0].via: found "fd00::1", expected an IPv4 address, as in to; correct one of the two',
	],
	[
		"addresses",
		{ routes: [{ to: "10.1.0.0" }] },
		'routes[0].to: found "10.1.0.0", expected an address with a prefix length; add the prefix length, as in 10.1.0.0/24',
	],
	[
		"addresses",
		{ routes: [{ via: "10.0.0.1" }] },
		"routes[0].to: found nothing, expected an address with a prefix length; give it a value",
	],
	["addresses", { defaultRoute: true }, "defaultRoute: found true, expected a gateway beside it; add gateway or gateway6"],
	[
		"addresses",
		{ gateway: "10.0.0.1; reboot" },
		'gateway: found "10.0.0.1; reboot", expected an IPv4 address; write it like 10.0.0.5',
	],
	[
		"host",
		{ address: "-oProxyCommand=reboot" },
		'host.address: found "-oProxyCommand=reboot", expected a host name, an IPv4 or an IPv6 address; write only the name or address, without user, port, brackets or zone',
	],
	[
		"host",
		{ address: "10.0.0.256" },
		'host.address: found "10.0.0.256", expected a host name, an IPv4 or an IPv6 address; write only the name or address, without user, port, brackets or zone',
	],
	["host", { port: 0 }, "host.port: found 0, expected a whole number from 1 to 65535; choose one in this range"],
	[
		"host",
		{ user: "-l" },
		'host.user: found "-l", expected a login name: A-Z a-z 0-9 _ . -, not beginning with "-" or "."; write only the name',
	],
	[
		"host",
		{ user: "a b" },
		'host.user: found "a b", expected a login name: A-Z a-z 0-9 _ . -, not beginning with "-" or "."; write only the name',
	],
	[
		"host",
		{ hostKey: "ssh-ed25519 nonsense" },
		'host.hostKey: found "ssh-ed25519 nonsense", expected one host key, as in "ssh-ed25519 AAAA…"; copy the whole of /etc/ssh/ssh_host_ed25519_key.pub, or a line of ssh-keyscan without the host name before it',
	],
	[
		"host",
		{ identityFile: "-----BEGIN OPENSSH PRIVATE KEY-----\nabc" },
		"host.identityFile: found key material, which is not shown, expected the path of a private key file, absolute or beginning with ~/; keep the key itself in a file, in the SSH agent, or in the secret configuration value netplumb:privateKey",
	],
	[
		"host",
		{ identityFile: "key" },
		'host.identityFile: found "key", expected the path of a private key file, absolute or beginning with ~/; keep the key itself in a file, in the SSH agent, or in the secret configuration value netplumb:privateKey',
	],
	[
		"host",
		{ transport: "telnet" },
		'host.transport: found "telnet", expected one of "ssh2", "openssh", "local"; choose one of these',
	],
	[
		"host",
		{ onUnreachable: "ignore" },
		'host.onUnreachable: found "ignore", expected one of "fail", "forget"; choose one of these',
	],
	[
		"host",
		{ timeoutSeconds: 0 },
		"host.timeoutSeconds: found 0, expected a whole number from 1 to 3600; choose one in this range",
	],
	[
		"host",
		{ password: "canary" },
		'host.password: found "password", expected only address, port, user, hostKey, knownHostsFile, insecureIgnoreHostKey, identityFile, via, sudo, transport, heal, onUnreachable, timeoutSeconds; remove it',
	],
	[
		"host",
		{ transport: "local" },
		'host.address: found "192.0.2.1", expected localhost, because transport is "local"; correct one of the two',
	],
	[
		"host",
		{ via: { address: "$(id)" } },
		'host.via.address: found "$(id)", expected a host name, an IPv4 or an IPv6 address; write only the name or address, without user, port, brackets or zone',
	],
];

describe("bad inputs in preview", () => {
	for (const [part, inputs, sentence] of mistakes) {
		it(`refuses ${part} ${JSON.stringify(inputs)}`.replaceAll("\n", " "), async () => {
			expect(await checkOf(part, inputs)).to.deep.equal([sentence]);
		});
	}

	it("says all mistakes of a resource at once, each with its path", async () => {
		const reasons = await checkOf("attachment", { mtu: 1, vlan: 5000, mac: "zz", interface: "a/b" });
		expect(reasons.map((reason) => reason.split(":")[0])).to.have.members(["mtu", "vlan", "mac", "interface"]);
	});

	it("has nothing to say about the inputs that the mistakes were made in", async () => {
		for (const part of ["bridge", "attachment", "addresses", "host"] as const) expect(await checkOf(part, {})).to.deep.equal([]);
	});
});
