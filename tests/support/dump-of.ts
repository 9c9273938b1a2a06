// All that netplumb could leave behind on a host, in a form that is equal when nothing has changed.

const folders = "/run/netplumb /var/lib/netplumb /tmp /etc/systemd/system /run/systemd/system";

type Row = Record<string, unknown>;

/** Links, addresses, routes, OVSDB, firewall, sysctls, files and containers of a lab host, without numbers that only count. */
export async function dumpOf(run: (...argv: string[]) => Promise<string>): Promise<Record<string, unknown>> {
	const json = async (...argv: string[]) => JSON.parse((await run(...argv)) || "[]") as Row[];
	const lines = async (script: string) => (await run("sh", "-c", script)).split("\n");
	const [links, routes4, routes6, ovs, firewall, sysctls, files, containers] = await Promise.all([
		json("ip", "-j", "-d", "address", "show"),
		json("ip", "-j", "-4", "route", "show", "table", "all"),
		json("ip", "-j", "-6", "route", "show", "table", "all"),
		run("ovs-vsctl", "--timeout=10", "--format=json", ...tables()),
		lines("nft -s list ruleset; iptables-save -c | sed 's/\\[[0-9:]*\\]//' | grep -v '^#'"),
		lines("sysctl -a -r 'net.ipv[46].(conf|ip_forward)' 2>/dev/null"),
		lines(`find ${folders} -printf '%p %M %u %s %l\\n' 2>/dev/null | sort`),
		lines("docker ps -aq --no-trunc"),
	]);
	return {
		links: links.map(linkOf).sort(),
		routes: [...routes4, ...routes6]
			.filter((row) => !isDockersOwn(row))
			.map((row) => JSON.stringify(row))
			.sort(),
		ovs,
		firewall,
		sysctls,
		files,
		containers,
	};
}

function tables(): string[] {
	const columns = {
		Bridge: "name,datapath_type,fail_mode,stp_enable,rstp_enable,mcast_snooping_enable,protocols,other_config,external_ids",
		Port: "name,tag,trunks,vlan_mode,protected,other_config,external_ids",
		Interface: "name,type,options,mtu_request,external_ids",
		Open_vSwitch: "other_config,external_ids",
	};
	return Object.entries(columns).flatMap(([table, names]) => ["--", `--columns=${names}`, "list", table]);
}

/** Docker's bridge gets its link-local address with the first container that anybody attaches to it after a boot, and keeps it. */
function isDockersOwn({ dev, dst }: Row): boolean {
	return dev === "docker0" && /^(fe80|ff00|multicast)/.test(String(dst));
}

function linkOf(link: Row): string {
	const { ifname, flags, mtu, master, address, ifalias, linkinfo } = link;
	const found = (link["addr_info"] as Row[]).map(({ local, prefixlen }) => `${local}/${prefixlen}`);
	const addresses = found.filter((address) => ifname !== "docker0" || !address.startsWith("fe80"));
	return JSON.stringify({
		ifname,
		flags,
		mtu,
		master,
		address,
		ifalias,
		kind: (linkinfo as Row | undefined)?.["info_kind"],
		addresses,
	});
}
