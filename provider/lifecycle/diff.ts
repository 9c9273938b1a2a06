// diff: pure comparison of the state with the new inputs. Replacement only where a thing cannot change in place.
import { isDeepStrictEqual } from "node:util";
import type { Kind } from "../kinds/kind";
import { hasUnknown } from "../validate/index";
import { declaredArgs, type Inputs, STATE_VERSION, type State } from "./state";

export interface DiffResult {
	changes: boolean;
	replaces: string[];
	deleteBeforeReplace: boolean;
}

export function diff<A extends object>(kind: Kind<A>, state: State, news: Inputs): DiffResult {
	const { host, owner, __provider, ...args } = news;
	const old = declaredArgs(kind, state) as Record<string, unknown>;
	const changed = [...new Set([...Object.keys(old), ...Object.keys(args)])].filter(
		(key) => !isDeepStrictEqual(old[key], args[key]),
	);
	const replaces = changed.filter((key) => {
		if ((kind.replace as readonly string[]).includes(key)) return true;
		return hasUnknown(args[key]) && (kind.replaceWhenUnknown as readonly string[] | undefined)?.includes(key) === true;
	});
	if (elsewhere(state.host, host)) replaces.push("host");
	const changes =
		changed.length > 0 ||
		replaces.length > 0 ||
		!isDeepStrictEqual(state.host, host) ||
		state.owner !== owner ||
		(state.drift?.length ?? 0) > 0 ||
		state.stateVersion !== STATE_VERSION ||
		state["__provider"] !== __provider;
	return { changes, replaces, deleteBeforeReplace: true };
}

/** True when it is another machine, not another way to the same one. */
function elsewhere(before: Inputs["host"], after: Inputs["host"]): boolean {
	if (hasUnknown(after)) return true;
	return before.address !== after.address || (before.port ?? 22) !== (after.port ?? 22);
}
