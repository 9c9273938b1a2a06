// Names that the kernel, Open vSwitch and SSH take, and names made up by us.
import { createHash } from "node:crypto";
import { parseIp } from "./ip";

/** The longest name of a network interface or bridge, in bytes (IFNAMSIZ less its NUL). */
export const MAX_INTERFACE_NAME = 15;

const INTERFACE = /^[A-Za-z0-9._][A-Za-z0-9._-]{0,14}$/;
// "." and ".." are refused by dev_valid_name; "all" and "default" by sysctl_dev_name_is_allowed, when the device is registered.
const REFUSED_BY_KERNEL = new Set([".", "..", "all", "default"]);

/**
 * True for a name that an interface or bridge can have. Narrower than the kernel's own rule, which takes any byte but `/`,
 * `:` and white space: such names break tools further down, and a leading `-` is read as an option.
 */
export function validInterfaceName(name: string): boolean {
	return INTERFACE.test(name) && !REFUSED_BY_KERNEL.has(name);
}

const HASH_LENGTH = 7;
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** Crockford's base 32: every character is worth five bits, and no two look alike. */
function shortHash(seed: string): string {
	const digest = createHash("sha256").update(seed).digest();
	return Array.from(digest.subarray(0, HASH_LENGTH), (byte) => ALPHABET[byte & 31]).join("");
}

/**
 * A valid interface name that depends only on its arguments: up to seven readable characters of the prefix, `-`, and 35 bits
 * of hash. A thousand names on one host meet with a probability of one in seventy thousand, and then the owner mark tells.
 */
export function derivedName(prefix: string, seed: string): string {
	const readable = prefix
		.replace(/[^A-Za-z0-9._-]+/g, "-")
		.replace(/^[-.]+/, "")
		.slice(0, MAX_INTERFACE_NAME - HASH_LENGTH - 1)
		.replace(/[-.]+$/, "");
	return `${readable || "np"}-${shortHash(`${prefix}\0${seed}`)}`;
}

/** The name of a bridge or interface whose resource declares none; `owner` is `project/stack/name`. */
export function derivedInterface(owner: string): string {
	return derivedName(owner.split("/").at(-1)!, owner);
}

// RFC 1123 labels. "_" is allowed as well: it is common in ssh_config aliases and in names of compose services.
const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*$/;

/** True for a host name, an IPv4 or an IPv6 address (no brackets, no zone). Never begins with `-`. */
export function validHostAddress(text: string): boolean {
	if (parseIp(text) !== undefined) return true;
	// A name that ends in a number is an IPv4 address with a mistake (10.0.0.256), and resolvers would read it as one.
	return text.length <= 253 && HOST_NAME.test(text) && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(text);
}

/** True for a login name: POSIX's portable characters, not beginning with `-`. */
export function validUserName(text: string): boolean {
	return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(text);
}
