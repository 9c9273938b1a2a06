// Every kind by its name. A kind that is not here does not exist.
import { isolatedNetwork } from "./isolated-network";
import type { Kind } from "./kind";
import { natPublish } from "./nat-publish";
import { ovnCentral } from "./ovn-central";
import { ovnChassis } from "./ovn-chassis";
import { ovnPort } from "./ovn-port";
import { ovnRouter } from "./ovn-router";
import { ovnSwitch } from "./ovn-switch";
import { ovsBridge } from "./ovs-bridge";
import { ovsTunnel } from "./ovs-tunnel";
import { staticContainerIp } from "./static-container-ip";
import { staticRoute } from "./static-route";
import { vethAttachment } from "./veth-attachment";

export const kinds = {
	OvsBridge: ovsBridge,
	OvsTunnel: ovsTunnel,
	VethAttachment: vethAttachment,
	StaticContainerIp: staticContainerIp,
	StaticRoute: staticRoute,
	NatPublish: natPublish,
	IsolatedNetwork: isolatedNetwork,
	OvnCentral: ovnCentral,
	OvnChassis: ovnChassis,
	OvnSwitch: ovnSwitch,
	OvnPort: ovnPort,
	OvnRouter: ovnRouter,
} as const;

export type KindName = keyof typeof kinds;

export function kindOf(name: string): Kind<object> {
	const kind = (kinds as Record<string, unknown>)[name];
	if (!kind) throw new Error(`netplumb has no kind "${name}"; update the package`);
	return kind as Kind<object>;
}
