// Ethernet addresses as text: six bytes, lower case, colons.
import { createHash } from "node:crypto";

const MAC = /^[0-9a-f]{2}(?:(:|-)[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i;

/** Reads six hexadecimal bytes separated by `:` or by `-`; undefined when the text is not exactly that. */
export function parseMac(text: string): Uint8Array | undefined {
	if (text.length !== 17 || !MAC.test(text)) return undefined;
	return Uint8Array.from(text.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
}

/** The canonical text of six bytes: `02:00:00:00:00:01`. */
export function formatMac(bytes: Uint8Array): string {
	return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The canonical text of an Ethernet address, or undefined. */
export function canonicalMac(text: string): string | undefined {
	const bytes = parseMac(text);
	return bytes && formatMac(bytes);
}

/** True when an interface can have this address: not a group address, and not all zeros. */
export function isUnicastMac(text: string): boolean {
	const bytes = parseMac(text);
	return bytes !== undefined && (bytes[0]! & 1) === 0 && bytes.some((byte) => byte !== 0);
}

/**
 * A unicast, locally administered address that depends only on the seed: the same seed gives the same address on every
 * machine and in every version, so that a DHCP reservation or an ARP entry stays true when a container is made anew.
 */
export function derivedMac(seed: string): string {
	const bytes = new Uint8Array(createHash("sha256").update(seed).digest().subarray(0, 6));
	bytes[0] = (bytes[0]! & 0xfc) | 0x02;
	return formatMac(bytes);
}
