import { powerOff, powerOn } from "./host";
import { type LabOptions, labPaths } from "./options";
import { waitReady } from "./ready";
import { stateOf } from "./state";

/** Power loss: everything in the host ends at once; the disk stays. */
export async function labPowerOff(name: string, options: LabOptions = {}): Promise<void> {
	const paths = labPaths(options);
	stateOf(paths, name);
	await powerOff(paths, name);
}

/** Boots a host that is off and waits until it can be used. */
export async function labPowerOn(name: string, options: LabOptions = {}): Promise<void> {
	const paths = labPaths(options);
	const state = stateOf(paths, name);
	await powerOn(paths, state, name);
	await waitReady(paths, state, name);
}

export async function labReboot(name: string, options: LabOptions = {}): Promise<void> {
	await labPowerOff(name, options);
	await labPowerOn(name, options);
}
