// The inputs that say which host is meant and how to reach it. Reaches every resource, so its messages matter most.
import { validHostAddress, validUserName } from "../../sdk/addressing/index";
import type { HostAddress } from "../transport/transport";
import { lazy, optional, rule, type Schema } from "./schema";
import { object } from "./structures";
import { boolean, integer, oneOf, string } from "./values";

const KEY_TYPES = /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521))$/;

/** True for `type base64`: the key inside names the same type, which a cut or mixed-up paste does not. A comment may follow. */
export function validHostKey(text: string): boolean {
	const [type = "", base64 = ""] = text.split(" ");
	if (!KEY_TYPES.test(type) || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return false;
	const blob = Buffer.from(base64, "base64");
	let offset = 0;
	let fields = 0;
	for (; offset + 4 <= blob.length; fields++) {
		const length = blob.readUInt32BE(offset);
		if (fields === 0 && blob.toString("latin1", 4, 4 + length) !== type) return false;
		offset += 4 + length;
	}
	return fields >= 2 && offset === blob.length;
}

/** A host as it stands in a resource's inputs and in the state. What is absent has its default where it is used. */
export interface HostSettings extends HostAddress {
	via?: HostSettings;
	heal?: boolean;
	onUnreachable?: "fail" | "forget";
	confirmSeconds?: number;
}

const hostAddress: Schema<string> = string({
	grammar: validHostAddress,
	max: 253,
	expected: "a host name, an IPv4 or an IPv6 address",
	wayOut: "write only the name or address, without user, port, brackets or zone",
});

const filePath = (what: string, wayOut: string): Schema<string> =>
	string({
		// ssh expands "${…}" in paths and has no way to escape it.
		grammar: (text) => /^(?:~?\/)/.test(text) && !/[\p{Cc}\p{Cs}"\\]|\$\{/u.test(text),
		max: 4096,
		expected: `the path of ${what}, absolute or beginning with ~/`,
		wayOut,
		secret: looksLikeKey,
	});

/** A key in the place of a path may have lost its "PRIVATE KEY" lines on the way (with them, it is never shown anyway). */
function looksLikeKey(value: unknown): boolean {
	const text = String(value);
	return !text.includes("PRIVATE KEY") && (/[\r\n]/.test(text) || /[A-Za-z0-9+/=]{48}/.test(text));
}

const shape = {
	address: hostAddress,
	port: optional(integer(1, 65535)),
	user: optional(
		string({
			grammar: validUserName,
			expected: 'a login name: A-Z a-z 0-9 _ . -, not beginning with "-" or "."',
			wayOut: "write only the name",
		}),
	),
	hostKey: optional(
		string({
			grammar: validHostKey,
			max: 8192,
			expected: 'one host key, as in "ssh-ed25519 AAAA…"',
			wayOut: "copy the whole of /etc/ssh/ssh_host_ed25519_key.pub, or a line of ssh-keyscan without the host name before it",
		}),
	),
	knownHostsFile: optional(filePath("a known_hosts file", "write such a path")),
	insecureIgnoreHostKey: optional(boolean),
	identityFile: optional(
		filePath(
			"a private key file",
			"keep the key itself in a file, in the SSH agent, or in the secret configuration value netplumb:privateKey",
		),
	),
	via: optional(lazy<HostSettings>(["object"], "a host", () => hostSchema)),
	sudo: optional(boolean),
	helper: optional(boolean),
	transport: optional(oneOf("ssh2", "openssh", "local")),
	heal: optional(boolean),
	onUnreachable: optional(oneOf("fail", "forget")),
	confirmSeconds: optional(integer(5, 90)),
	timeoutSeconds: optional(integer(1, 3600)),
};

const LOCAL = ["localhost", "127.0.0.1", "::1"];

const local = rule(object(shape, "a host: { address, user, port … }"), ["transport", "address", "via"], (host, complain) => {
	if (host.transport === "local") {
		if (!LOCAL.includes(host.address)) {
			complain("address", host.address, 'localhost, because transport is "local"', "correct one of the two");
		}
		if (host.via) complain("via", host.via.address, 'no jump host, because transport is "local"', "correct one of the two");
	} else if (host.via?.transport === "local") {
		complain("via.transport", "local", "a jump host that is reached over SSH", "leave out via to start from this machine");
	}
});

/** The inputs that make a `Host`. */
export const hostSchema: Schema<HostSettings> = rule(
	local,
	["hostKey", "insecureIgnoreHostKey", "helper", "heal", "sudo"],
	(host, complain) => {
		if (host.hostKey && host.insecureIgnoreHostKey) {
			complain("insecureIgnoreHostKey", true, "no such permission beside a pinned hostKey", "remove one of the two");
		}
		// What a host keeps to heal itself is a program of root's, and the helper takes none.
		if (host.helper && host.heal) complain("heal", true, "no healing beside helper: true", "leave heal out, or log in as root");
		if (host.helper && host.sudo)
			complain("sudo", true, "no sudo beside helper: true, which has its own way to root", "remove one of the two");
	},
);

/** Whether the host heals itself; not where it is reached through the helper. */
export function heals(host: HostSettings): boolean {
	return host.heal ?? !host.helper;
}
