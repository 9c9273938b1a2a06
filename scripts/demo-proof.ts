import { hostExec, type LabOptions } from "../lab";

/** Shows what is on the hosts, then pings and fetches a page from within the containers. Says whether all of it worked. */
export async function prove(hosts: string[], addresses: Record<string, string>, lab: LabOptions): Promise<boolean> {
	const on = async (host: string, ...argv: string[]) => await hostExec(host, argv, lab);

	console.log("\nWhat was built");
	for (const host of hosts) {
		const bridges = (await on(host, "ovs-vsctl", "list-br")).stdout.split("\n").filter((name) => name && name !== "br-phy");
		console.log(`  ${host}: Open vSwitch bridge ${bridges.join(", ")}`);
		for (const [container, address] of Object.entries(addresses).filter(([name]) => name.startsWith(`${host}-`))) {
			console.log(`      ${container.padEnd(12)} ${address}`);
		}
	}

	console.log("\nWho reaches whom");
	const checks = hosts.map(async (host) => {
		const [client, web] = [`${host}-client`, addresses[`${host}-web`]];
		if (!web) return [{ what: `${host}-web has no address`, worked: false }];
		const ping = await on(host, "docker", "exec", client, "ping", "-c", "1", "-W", "3", web);
		const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${web} 80`;
		const page = await on(host, "timeout", "10", "docker", "exec", client, "sh", "-c", request);
		const said = page.stdout.trim().split("\n").pop()?.trim() ?? "";
		return [
			{ what: `${client} pings ${host}-web (${web})`, worked: ping.exitCode === 0 },
			{ what: `${client} fetches http://${web}/: "${said}"`, worked: said === `hello from ${host}` },
		];
	});
	const results = (await Promise.all(checks)).flat();
	for (const { what, worked } of results) console.log(`  ${worked ? "✔" : "✘"} ${what}`);
	return results.every(({ worked }) => worked);
}
