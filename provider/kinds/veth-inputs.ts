// The inputs of a VethAttachment, and what goes together.
import {
	boolean,
	containerRef,
	type Infer,
	integer,
	interfaceName,
	list,
	mac,
	object,
	optional,
	rule,
	union,
} from "../validate/index";
import { logicalName } from "./ovn-inputs";
import { tag, type Vlan } from "./vlan";

const vlan = rule(
	object(
		{ tag: optional(tag), trunks: optional(list(tag, { unique: true, min: 1 })), native: optional(tag) },
		"{ tag } or { trunks, native }",
	),
	["tag", "trunks", "native"],
	(value, complain) => {
		if (value.tag !== undefined && (value.trunks || value.native !== undefined)) {
			complain("tag", value.tag, "either tag, or trunks with native", "write native for the untagged VLAN of a trunk");
		}
		if (value.native !== undefined && !value.trunks)
			complain("native", value.native, "trunks beside it", "write tag for an access port");
	},
);

const shape = object({
	container: containerRef,
	bridge: interfaceName,
	interface: optional(interfaceName, "eth1"),
	hostInterface: optional(interfaceName),
	mac: optional(mac),
	// 68 is the least MTU of IPv4 (RFC 791); 65535 the most that veth takes.
	mtu: optional(integer(68, 65535)),
	vlan: optional(union(tag, vlan)),
	portSecurity: optional(boolean),
	ovnPort: optional(logicalName),
	adopt: optional(boolean),
});

const secured = rule(shape, ["vlan", "portSecurity"], ({ vlan, portSecurity }, complain) => {
	if (portSecurity && isTrunk(vlan))
		complain("portSecurity", true, "an access port", "nothing is declared about the addresses in a trunk's VLANs: leave one out");
});

export const vethAttachmentSchema = rule(secured, ["ovnPort", "vlan", "portSecurity", "adopt"], (args, complain) => {
	const { ovnPort, vlan, portSecurity, adopt } = args;
	if (ovnPort === undefined) return;
	if (vlan !== undefined)
		complain("vlan", vlan, "no VLAN beside ovnPort, whose logical switch is the network", "remove one of them");
	if (portSecurity) complain("portSecurity", true, "portSecurity of the OvnPort instead", "leave it out here");
	if (adopt === true) complain("adopt", adopt, "no adoption beside ovnPort", "take the old interface away, and leave adopt out");
});

export const isTrunk = (vlan: Vlan): boolean => typeof vlan === "object" && vlan.trunks !== undefined;

export type VethAttachmentArgs = Infer<typeof vethAttachmentSchema>;
