// Questions that several kinds ask of a snapshot, with the sentence to say when the answer is no.
import { NetplumbError } from "../errors";
import { isRunning, type Ovs, type RunningContainer, type Snapshot } from "../host/snapshot";

/** The container, running and with a network stack of its own. */
export function runningContainer(snapshot: Snapshot, reference: string): RunningContainer {
	const where = `host ${snapshot.hostName}`;
	if (snapshot.dockerProblem !== undefined)
		throw new NetplumbError(
			"missing",
			`${where}: ${snapshot.dockerProblem}; container "${short(reference)}" cannot be looked up`,
		);
	const container = snapshot.containers[reference];
	if (container === undefined || container === "missing") {
		throw new NetplumbError(
			"missing",
			`${where}: container: found no container "${short(reference)}", expected a running one; create it first, or correct the name`,
		);
	}
	if (!isRunning(container)) {
		throw new NetplumbError(
			"missing",
			`${where}: container: found "${container.name}" ${container.status}, expected it running (a stopped container has no network); start it, and see docker logs ${container.name} if it ends by itself`,
		);
	}
	if (container.sharesHost) {
		throw new NetplumbError(
			"conflict",
			`${where}: container: found "${container.name}" in the host's own network, expected one of its own; use networkMode "none" or a network`,
		);
	}
	const owner = /^container:(.+)$/.exec(container.networkMode)?.[1];
	if (owner !== undefined) {
		throw new NetplumbError(
			"conflict",
			`${where}: container: found "${container.name}", which shares the network of container ${short(owner)}, expected the owner of that network; name ${short(owner)} instead`,
		);
	}
	return container;
}

export function openVswitch(snapshot: Snapshot): Ovs {
	if (typeof snapshot.ovs === "string")
		throw new NetplumbError("missing", `host ${snapshot.hostName}: ${snapshot.ovs}; install and start openvswitch-switch`);
	return snapshot.ovs;
}

/** A container id as people write it. */
export function short(reference: string): string {
	return /^[0-9a-f]{64}$/.test(reference) ? reference.slice(0, 12) : reference;
}
