// Questions that several kinds ask of a snapshot, with the sentence to say when the answer is no.
import { NetplumbError } from "../errors";
import { DOCKER_ABSENT, isRunning, OVS_ABSENT, type Ovs, type RunningContainer, type Snapshot } from "../host/snapshot";

/** The container, running and with a network stack of its own. */
export function runningContainer(snapshot: Snapshot, reference: string): RunningContainer {
	const where = `host ${snapshot.hostName}`;
	if (snapshot.dockerProblem !== undefined) throw silentDocker(snapshot, reference);
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

function silentDocker(snapshot: Snapshot, reference: string): NetplumbError {
	const text = `host ${snapshot.hostName}: ${snapshot.dockerProblem}; container "${short(reference)}" cannot be looked up`;
	return new NetplumbError("missing", text);
}

/** For a delete: a tool that is there and does not answer hides what has to be deleted; only one that is not there has nothing. */
export function dockerTells(snapshot: Snapshot, reference: string): void {
	if (snapshot.dockerProblem !== undefined && snapshot.dockerProblem !== DOCKER_ABSENT) throw silentDocker(snapshot, reference);
}

export function ovsTells(snapshot: Snapshot): void {
	if (snapshot.ovs !== OVS_ABSENT) openVswitch(snapshot);
}

export function openVswitch(snapshot: Snapshot): Ovs {
	if (typeof snapshot.ovs === "string")
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: ${snapshot.ovs}; ${snapshot.ovs === OVS_ABSENT ? "install and start openvswitch-switch" : "see that ovsdb-server and ovs-vswitchd run there and answer (ovs-vsctl show)"}`,
		);
	return snapshot.ovs;
}

/** A container id as people write it. */
export function short(reference: string): string {
	return /^[0-9a-f]{64}$/.test(reference) ? reference.slice(0, 12) : reference;
}
