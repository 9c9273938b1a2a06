// What the encapsulations have in common and where they differ: keys, ports, and the bytes that they add.
import { parseIp } from "./ip";

export type TunnelType = "vxlan" | "geneve" | "gre";

/** The least and the most key: 24 bits, in GRE 32 (RFC 7348, 5; RFC 8926, 3.4; RFC 2890, 2.1). */
export const MAX_KEY: Record<TunnelType, number> = { vxlan: 0xffffff, geneve: 0xffffff, gre: 0xffffffff };

/** The UDP ports that IANA has assigned, which are Open vSwitch's defaults; GRE is an IP protocol of its own. */
export const DEFAULT_PORT: Record<TunnelType, number | undefined> = { vxlan: 4789, geneve: 6081, gre: undefined };

export interface Encapsulation {
	type: TunnelType;
	/** The underlay's addresses are of this family. */
	remote: string;
	key?: number;
	csum?: boolean;
	/** Frames are carried with their VLAN tag. */
	tagged?: boolean;
}

const ETHERNET = 14;
const VLAN_TAG = 4;

/** The bytes between the underlay's MTU and the MTU inside: outer IP header, the encapsulation's own, and the inner Ethernet header. */
export function overhead({ type, remote, key, csum, tagged }: Encapsulation): number {
	const ip = parseIp(remote)?.family === 6 ? 40 : 20;
	// UDP, and a VXLAN or (without options) Geneve header of the same size; GRE grows by four bytes with a key and with a checksum.
	const own = type === "gre" ? 4 + (key === undefined ? 0 : 4) + (csum === true ? 4 : 0) : 8 + 8;
	return ip + own + ETHERNET + (tagged === true ? VLAN_TAG : 0);
}
