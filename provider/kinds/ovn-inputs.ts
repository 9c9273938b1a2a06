// Inputs that the kinds of OVN share: where a database is, and the files for TLS.
import { parseIp } from "../../sdk/addressing/index";
import type { Database } from "../host/snapshot";
import { type Complain, object, string } from "../validate/index";

const file = string({
	grammar: (path) => /^\/[^\p{Cc}]+$/u.test(path),
	max: 1024,
	expected: "the absolute path of a file on the host",
	wayOut: "write it like /etc/openvswitch/client-cert.pem",
});

/** Files on the host. What is in them never passes through netplumb. */
export const tls = object(
	{ privateKey: file, certificate: file, caCert: file },
	"{ privateKey, certificate, caCert }, the paths of files on the host",
);
export type Tls = { privateKey: string; certificate: string; caCert: string };

function isRemote(word: string): boolean {
	const [, v4, v6, port] = /^(?:tcp|ssl):(?:([\d.]+)|\[([0-9a-fA-F:]+)\]):([1-9]\d{0,4})$/.exec(word) ?? [];
	return parseIp(v4 ?? v6 ?? "") !== undefined && Number(port) >= 1 && Number(port) <= 65535;
}

/** Where a database listens; several for a cluster. */
export const remote = string({
	grammar: (value) => value.split(",").every(isRemote),
	expected: 'the address of a database, as "ssl:192.0.2.1:6642", or several with commas between',
	wayOut: "write tcp or ssl, an IP address (an IPv6 one in [ ]) and a port",
});

/** With ssl there are files, and with files there is ssl. */
export function tlsFits(input: string, value: string | undefined, files: Tls | undefined, complain: Complain): void {
	const secured = value?.split(",").every((word) => word.startsWith("ssl:"));
	const open = value?.split(",").every((word) => word.startsWith("tcp:"));
	if (value !== undefined && !secured && !open) complain(input, value, "ssl everywhere, or nowhere", "write one of them");
	else if (secured && files === undefined)
		complain(
			"tls",
			undefined,
			`the host's files, because ${input} is an ssl address`,
			"give it { privateKey, certificate, caCert }",
		);
	else if (open && files !== undefined)
		complain(input, value, "an ssl address, because tls is given", "write ssl instead of tcp, or leave tls out");
}

/** A database as its tool takes it; without `remote` the one that runs on this host, at its socket. */
export function databaseAt(tool: "ovn-nbctl" | "ovn-sbctl", at: string | undefined, files: Tls | undefined): Database {
	const options = files && at !== undefined ? tlsOptions(files) : [];
	return [tool, ...(at === undefined ? [] : [`--db=${at}`]), ...options];
}

function tlsOptions({ privateKey, certificate, caCert }: Tls): string[] {
	return [`--private-key=${privateKey}`, `--certificate=${certificate}`, `--ca-cert=${caCert}`];
}

/** `tcp:192.0.2.1:6642`. */
export function addressOf(scheme: string, address: string, port: number): string {
	return `${scheme}:${hostPart(address)}:${port}`;
}

export function hostPart(address: string): string {
	return address.includes(":") ? `[${address}]` : address;
}

/** What a network outside of OVN is called on all hosts. Mappings are a list of `network:bridge` with commas between (ovn-controller(8)). */
export const physicalNetwork = string({
	grammar: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
	max: 255,
	expected: "a name: A-Z a-z 0-9 _ . -, beginning with a letter, a digit or _",
	wayOut: "choose another name, the same in localnet and in bridgeMappings",
});

/** The name of a logical switch, of a logical port, or of a chassis. */
export const logicalName = string({
	grammar: /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/,
	max: 255,
	expected: "a name: A-Z a-z 0-9 _ . : -, beginning with a letter, a digit or _",
	wayOut: "choose another name, or leave it out",
});
