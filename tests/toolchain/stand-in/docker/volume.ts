// Never published. docker.Volume for the docker stand-in.
import { type Docker, DockerError, type Json } from "./api";
import { type Kind, labelsToRecord } from "./kind";

interface Inspected {
	Name: string;
	Driver: string;
	Mountpoint: string;
}

export const volume: Kind = {
	inputs: { name: {}, driver: {}, driverOpts: {}, labels: { set: true, fields: ["label", "value"] } },
	computed: ["driver", "mountpoint"],
	autoName: true,
	deleteBeforeReplace: false,

	async create(docker, inputs) {
		const made = await docker.post<Inspected>("/volumes/create", {
			Name: inputs["name"],
			Driver: inputs["driver"] ?? "local",
			DriverOpts: inputs["driverOpts"] ?? {},
			Labels: labelsToRecord(inputs["labels"]),
		});
		return { id: made.Name, outputs: outputs(made, inputs) };
	},

	async read(docker, id, inputs) {
		const found = await inspect(docker, id);
		return found && { id, inputs, outputs: outputs(found, inputs) };
	},

	async delete(docker, id) {
		try {
			await docker.delete(`/volumes/${encodeURIComponent(id)}`);
		} catch (error) {
			if (!(error instanceof DockerError && error.status === 404)) throw error;
		}
	},
};

function inspect(docker: Docker, id: string): Promise<Inspected | undefined> {
	return docker.find<Inspected>(`/volumes/${encodeURIComponent(id)}`);
}

function outputs(found: Inspected, inputs: Json): Json {
	const { __defaults: _, ...given } = inputs;
	return { ...given, name: found.Name, driver: found.Driver, mountpoint: found.Mountpoint };
}
