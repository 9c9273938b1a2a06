// Never published. docker.RemoteImage for the docker stand-in. An image that the host has is not pulled.
import { type Docker, DockerError, type Json } from "./api";
import type { Kind } from "./kind";

interface Inspected {
	Id: string;
	RepoDigests?: string[] | null;
}

export const image: Kind = {
	inputs: {
		name: { required: true },
		keepLocally: { update: true },
		forceRemove: { update: true },
		pullTriggers: { set: true },
		triggers: {},
	},
	computed: ["imageId", "repoDigest"],
	autoName: false,
	deleteBeforeReplace: false,

	async create(docker, inputs) {
		const name = String(inputs["name"]);
		if (!(await inspect(docker, name))) await pull(docker, name);
		const found = await inspect(docker, name);
		if (!found) throw new Error(`the docker daemon does not have the image ${name} after pulling it`);
		return { id: found.Id + name, outputs: outputs(found, inputs) };
	},

	async read(docker, id, inputs) {
		const name = String(inputs["name"] ?? id.replace(/^sha256:[0-9a-f]{64}/, ""));
		const found = await inspect(docker, name);
		return found && { id: found.Id + name, inputs, outputs: outputs(found, { name, ...inputs }) };
	},

	async update(docker, _, __, news) {
		const found = await inspect(docker, String(news["name"]));
		return outputs(found ?? { Id: "" }, news);
	},

	async delete(docker, _, state) {
		if (state["keepLocally"] === true) return;
		try {
			await docker.delete(`/images/${name(state)}?force=${state["forceRemove"] === true ? 1 : 0}`);
		} catch (error) {
			if (!(error instanceof DockerError && error.status === 404)) throw error;
		}
	},
};

const name = (state: Json) => encodeURIComponent(String(state["name"]));

function inspect(docker: Docker, name: string): Promise<Inspected | undefined> {
	return docker.find<Inspected>(`/images/${encodeURIComponent(name)}/json`);
}

function outputs(found: Inspected, inputs: Json): Json {
	return { ...inputs, imageId: found.Id, repoDigest: found.RepoDigests?.[0] ?? "" };
}

export async function pull(docker: Docker, name: string): Promise<void> {
	const last = name.slice(name.lastIndexOf("/") + 1);
	const tagged = last.includes(":") || name.includes("@") ? name : `${name}:latest`;
	const answer = await docker.post<{ error?: string }>(`/images/create?fromImage=${encodeURIComponent(tagged)}`);
	if (answer.error) throw new Error(`unable to pull image ${name}: ${answer.error}`);
}
