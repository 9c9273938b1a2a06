// Never published. docker.Network for the docker stand-in.
import { setTimeout as sleep } from "node:timers/promises";
import { type Docker, DockerError, type Json } from "./api";
import { type Kind, labelsToRecord } from "./kind";

interface Inspected {
	Id: string;
	Name: string;
	Driver: string;
	Scope: string;
	Internal: boolean;
	Options: Record<string, string> | null;
	IPAM: { Config: { Subnet?: string; Gateway?: string; IPRange?: string; AuxiliaryAddresses?: Record<string, string> }[] | null };
}

export const network: Kind = {
	inputs: {
		name: {},
		driver: {},
		internal: {},
		attachable: {},
		ipv6: {},
		ipamDriver: {},
		ipamOptions: {},
		ipamConfigs: { set: true, fields: ["subnet", "gateway", "ipRange", "auxAddress"] },
		labels: { set: true, fields: ["label", "value"] },
		options: {},
	},
	computed: ["driver", "internal", "ipamConfigs", "options", "scope"],
	autoName: true,
	deleteBeforeReplace: false,

	async create(docker, inputs) {
		const { Id } = await docker.post<{ Id: string }>("/networks/create", body(inputs));
		const found = await inspect(docker, Id);
		if (!found) throw new Error(`the docker daemon does not know the network ${Id} that it has just made`);
		return { id: Id, outputs: outputs(found, inputs) };
	},

	async read(docker, id, inputs) {
		const found = await inspect(docker, id);
		return found && { id: found.Id, inputs, outputs: outputs(found, inputs) };
	},

	async delete(docker, id) {
		// The endpoints of containers that have just been removed linger for a moment.
		for (const deadline = Date.now() + 30_000; ; await sleep(250)) {
			try {
				await docker.delete(`/networks/${id}`);
				return;
			} catch (error) {
				if (error instanceof DockerError && error.status === 404) return;
				const busy = /active endpoints/.test((error as Error).message);
				if (!busy || Date.now() > deadline) throw error;
			}
		}
	},
};

function inspect(docker: Docker, id: string): Promise<Inspected | undefined> {
	return docker.find<Inspected>(`/networks/${encodeURIComponent(id)}`);
}

function body(inputs: Json): Json {
	const configs = (inputs["ipamConfigs"] as Json[] | undefined) ?? [];
	return {
		Name: inputs["name"],
		CheckDuplicate: true,
		Driver: inputs["driver"] ?? "bridge",
		Internal: inputs["internal"] ?? false,
		Attachable: inputs["attachable"] ?? false,
		EnableIPv6: inputs["ipv6"] ?? false,
		Labels: labelsToRecord(inputs["labels"]),
		Options: inputs["options"] ?? {},
		IPAM: {
			Driver: inputs["ipamDriver"] ?? "default",
			Options: inputs["ipamOptions"] ?? {},
			Config: configs.map((config) => ({
				Subnet: config["subnet"],
				Gateway: config["gateway"],
				IPRange: config["ipRange"],
				AuxiliaryAddresses: config["auxAddress"],
			})),
		},
	};
}

function outputs(found: Inspected, inputs: Json): Json {
	const { __defaults: _, ...given } = inputs;
	return {
		driver: found.Driver,
		internal: found.Internal,
		ipamConfigs: (found.IPAM.Config ?? []).map((config) => ({
			subnet: config.Subnet ?? "",
			gateway: config.Gateway ?? "",
			ipRange: config.IPRange ?? "",
			auxAddress: config.AuxiliaryAddresses ?? {},
		})),
		options: found.Options ?? {},
		...given,
		name: found.Name,
		scope: found.Scope,
	};
}
