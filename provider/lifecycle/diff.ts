// diff: pure comparison of the state with the new inputs. Replacement only where a thing cannot change in place.
import { isDeepStrictEqual } from "node:util";
import { canonicalIp } from "../../sdk/addressing/index";
import type { Kind } from "../kinds/kind";
import { heals } from "../validate/host";
import { hasUnknown } from "../validate/index";
import { declaredArgs, type Inputs, STATE_VERSION, type State } from "./state";

export interface DiffResult {
	changes: boolean;
	replaces: string[];
	deleteBeforeReplace: boolean;
}

export function diff<A extends object>(kind: Kind<A>, state: State, news: Inputs): DiffResult {
	const changed = changedArgs(kind, state, news);
	const replaces = changed.filter((key) => {
		if ((kind.replace as readonly string[]).includes(key)) return true;
		return hasUnknown(news[key]) && (kind.replaceWhenUnknown as readonly string[] | undefined)?.includes(key) === true;
	});
	if (elsewhere(state.host, news.host)) replaces.push("host");
	const changes =
		differsOnHost(kind, state, news) ||
		!isDeepStrictEqual(state.host, news.host) ||
		state.stateVersion !== STATE_VERSION ||
		state["__provider"] !== news["__provider"];
	return { changes, replaces, deleteBeforeReplace: true };
}

/** True when an update has something to do on the host, or something to mend. */
export function differsOnHost<A extends object>(kind: Kind<A>, state: State, news: Inputs): boolean {
	return (
		changedArgs(kind, state, news).length > 0 ||
		elsewhere(state.host, news.host) ||
		heals(state.host) !== heals(news.host) ||
		state.owner !== news.owner ||
		(state.drift?.length ?? 0) > 0
	);
}

function changedArgs<A extends object>(kind: Kind<A>, state: State, news: Inputs): string[] {
	const { host, owner, __provider, ...args } = news;
	const old = declaredArgs(kind, state) as Record<string, unknown>;
	return [...new Set([...Object.keys(old), ...Object.keys(args)])].filter((key) => !isDeepStrictEqual(old[key], args[key]));
}

/** One address in two spellings is one host. Of names only ssh knows: `~/.ssh/config` tells `Web` and `web` apart. */
const plain = (address: string) => canonicalIp(address) ?? address;

/** True when it is another machine, not another way to the same one. */
function elsewhere(before: Inputs["host"], after: Inputs["host"]): boolean {
	if (hasUnknown(after)) return true;
	return plain(before.address) !== plain(after.address) || (before.port ?? 22) !== (after.port ?? 22);
}
