// The host of a resource, as the state keeps it: one text, for the engine pays for each value (provider/lifecycle/stored.ts).
import { isDeepStrictEqual } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import type { HostProperties } from "./host";

/** What JSON would change (NaN becomes null there, and an absent port) stays as it is, to be refused for what it is. */
export function hostText(host: pulumi.Input<HostProperties>): pulumi.Output<HostProperties | string> {
	return pulumi.output(host).apply((fields) => {
		const text = asJson(fields);
		return text?.startsWith("{") && isDeepStrictEqual(JSON.parse(text), fields) ? text : fields;
	});
}

export function hostFields(host: HostProperties | string): HostProperties {
	return typeof host === "string" && host.startsWith("{") ? (JSON.parse(host) as HostProperties) : (host as HostProperties);
}

/** Undefined where there is none, as of a BigInt. */
function asJson(value: unknown): string | undefined {
	try {
		return JSON.stringify(value);
	} catch {
		return undefined;
	}
}
