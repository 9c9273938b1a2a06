export { labDown } from "./down";
export { hostExec, hostShell } from "./exec";
export { type FreezeScope, freeze, thaw } from "./freeze";
export { labImage } from "./image";
export {
	type HostInfo,
	hostInfo,
	type LabStatus,
	type LabUpOptions,
	labStatus,
	labUp,
} from "./lab";
export type { LabOptions } from "./options";
export { labOvnStart, labOvnStop, type OvnPart, ovnProblem } from "./ovn";
export { labPowerOff, labPowerOn, labReboot } from "./power";
export { labProblem } from "./problem";
export { sshBanner } from "./ready";
export { type Relay, type RelayOptions, startRelay } from "./relay";
export type { Result, RunOptions } from "./run";
