import * as pulumi from "@pulumi/pulumi";

const warned = new WeakSet<object>();

/** Says once for a network, in every preview and `up`, that anybody on the way can read and write what its tunnels carry. */
export function warnNotEncrypted(network: pulumi.Resource | undefined, resource: pulumi.Resource, what: string): void {
	const whole = network ?? resource;
	if (warned.has(whole)) return;
	warned.add(whole);
	void pulumi.log.warn(
		`${what}: not encrypted; whoever is on the way between the hosts can read and forge its traffic, so use it on a network that you trust, or over IPsec or WireGuard`,
		resource,
	);
}
