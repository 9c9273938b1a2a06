// Never published. docker.Container for the docker stand-in.
import { setTimeout as sleep } from "node:timers/promises";
import { type Docker, DockerError, type Json } from "./api";
import { diff } from "./check";
import { CONTAINER_INPUTS, createBody, updateBody } from "./container-config";
import { CONTAINER_COMPUTED, containerInputs, containerOutputs, type Inspected } from "./container-state";
import { pull } from "./image";
import type { Kind } from "./kind";

/** How long a program gets to fail at its start. The real provider looks after the same time. */
const SETTLE_MS = 100;

export const container: Kind = {
	inputs: CONTAINER_INPUTS,
	computed: CONTAINER_COMPUTED,
	autoName: true,
	deleteBeforeReplace: true,

	async create(docker, inputs) {
		const id = await createOnly(docker, inputs);
		try {
			await connectNetworks(docker, id, inputs);
			if (inputs["start"] !== false) await start(docker, id, inputs);
			return { id, outputs: containerOutputs(await inspect(docker, id), inputs) };
		} catch (error) {
			await remove(docker, id, inputs);
			throw error;
		}
	},

	async read(docker, id, inputs) {
		const inspected = await docker.find<Inspected>(`/containers/${encodeURIComponent(id)}/json`);
		if (!inspected) return undefined;
		// As the real provider does it: what must run and does not is taken away, and so made anew by the next `up`.
		const wanted = Object.keys(inputs).length > 0 && inputs["mustRun"] !== false && inputs["start"] !== false;
		if (wanted && !inspected.State.Running) {
			await remove(docker, id, inputs);
			return undefined;
		}
		return { id: inspected.Id, inputs: containerInputs(inspected, inputs), outputs: containerOutputs(inspected, inputs) };
	},

	async update(docker, id, olds, news) {
		const live = ["restart", "maxRetryCount", "memory", "memorySwap", "cpuShares", "cpuSet"];
		if (diff(container, olds, news).some(({ property }) => live.includes(property))) {
			await docker.post(`/containers/${id}/update`, updateBody(news));
		}
		return containerOutputs(await inspect(docker, id), news);
	},

	async delete(docker, id, state) {
		const grace = Number(state["destroyGraceSeconds"] ?? 0);
		if (grace > 0) await unlessGone(docker.post(`/containers/${id}/stop?t=${grace}`));
		await remove(docker, id, state);
	},
};

async function createOnly(docker: Docker, inputs: Json): Promise<string> {
	const path = `/containers/create?name=${encodeURIComponent(String(inputs["name"]))}`;
	const attempt = async () => (await docker.post<{ Id: string }>(path, createBody(inputs))).Id;
	try {
		return await attempt();
	} catch (error) {
		if (!(error instanceof DockerError && error.status === 404 && /no such image/i.test(error.message))) throw error;
		await pull(docker, String(inputs["image"]));
		return attempt();
	}
}

async function connectNetworks(docker: Docker, id: string, inputs: Json): Promise<void> {
	const networks = (inputs["networksAdvanced"] as NetworkAttachment[] | undefined) ?? [];
	if (networks.length === 0) return;
	if ((inputs["networkMode"] ?? "bridge") === "bridge") {
		await docker.post("/networks/bridge/disconnect", { Container: id });
	}
	for (const network of networks) {
		await docker.post(`/networks/${encodeURIComponent(network.name)}/connect`, {
			Container: id,
			EndpointConfig: {
				Aliases: network.aliases ?? [],
				IPAMConfig: { IPv4Address: network.ipv4Address ?? "", IPv6Address: network.ipv6Address ?? "" },
			},
		});
	}
}

interface NetworkAttachment {
	name: string;
	aliases?: string[];
	ipv4Address?: string;
	ipv6Address?: string;
}

async function start(docker: Docker, id: string, inputs: Json): Promise<void> {
	await docker.post(`/containers/${id}/start`);
	if (inputs["mustRun"] !== false) {
		await sleep(SETTLE_MS);
		const { State } = await inspect(docker, id);
		if (!State.Running) throw new Error(`container exited immediately, with exit code ${State.ExitCode}. ${State.Error}`.trim());
	}
	if (inputs["wait"] === true) await waitUntilHealthy(docker, id, Number(inputs["waitTimeout"] ?? 60));
}

async function waitUntilHealthy(docker: Docker, id: string, seconds: number): Promise<void> {
	const deadline = Date.now() + seconds * 1000;
	for (;;) {
		const { State } = await inspect(docker, id);
		if (State.Health?.Status === "healthy") return;
		if (Date.now() > deadline) throw new Error(`container is not healthy after ${seconds} s`);
		await sleep(200);
	}
}

function inspect(docker: Docker, id: string): Promise<Inspected> {
	return docker.get<Inspected>(`/containers/${id}/json`);
}

async function remove(docker: Docker, id: string, state: Json): Promise<void> {
	const volumes = state["removeVolumes"] !== false;
	await unlessGone(docker.delete(`/containers/${id}?force=1&v=${volumes ? 1 : 0}`));
}

/** A container that is gone, or on its way out by itself (`rm`), needs no removing. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
	try {
		await work;
	} catch (error) {
		const status = error instanceof DockerError ? error.status : 0;
		const leaving = status === 409 && /already in progress/.test((error as Error).message);
		if (status !== 404 && !leaving) throw error;
	}
}
