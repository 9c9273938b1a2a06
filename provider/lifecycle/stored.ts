// The form in which the engine keeps a resource. It writes the whole state anew at each step, and pays for each value in it: the host,
// which stands twice in every resource, is one value, its fields as JSON. Inside the provider it has its fields.
import { hostFields } from "../../sdk/host-text";
import type { providerOf } from "./provider";

type Provider = ReturnType<typeof providerOf>;
type Props = Record<string, unknown>;

/** `provider`, as the engine talks to it. */
export function stored(provider: Provider): Provider {
	const failing = async <T>(work: Promise<T>): Promise<T> => {
		try {
			return await work;
		} catch (error) {
			// A half-made resource, for the state.
			const { properties } = error as { properties?: Props };
			if (properties) Object.assign(error as Error, { properties: packed(properties) });
			throw error;
		}
	};
	return {
		configure: (request) => provider.configure(request),
		async check(olds, news) {
			const { inputs, failures } = await provider.check(unpacked(olds), unpacked(news));
			return { inputs: packed(inputs), failures };
		},
		diff: (id, olds, news) => provider.diff(id, unpacked(olds), unpacked(news)),
		async create(props) {
			const { id, outs } = await failing(provider.create(unpacked(props)));
			return { id, outs: packed(outs) };
		},
		async update(id, olds, news) {
			const { outs } = await failing(provider.update(id, unpacked(olds), unpacked(news)));
			return { outs: packed(outs) };
		},
		async read(id, props) {
			const found = await provider.read(id, unpacked(props));
			return found.inputs ? { ...found, props: packed(found.props), inputs: packed(found.inputs) } : found;
		},
		delete: (id, props) => provider.delete(id, unpacked(props)),
	};
}

function packed<T extends object>(props: T): T {
	const { host } = props as Props;
	return typeof host === "object" && host !== null ? { ...props, host: JSON.stringify(host) } : props;
}

function unpacked<T extends object>(props: T): T {
	return "host" in (props ?? {}) ? { ...props, host: hostFields((props as Props)["host"]) } : props;
}
