// The permanent entry to which every resource's state refers:
//   require("netplumb/provider/v1").lifecycle("<Kind>")
// Neither this file's path nor the name `lifecycle` may ever change, nor may a kind that was released be removed.
import { kindOf } from "./kinds/registry";
import { providerOf } from "./lifecycle/provider";
import { stored } from "./lifecycle/stored";

export function lifecycle(kind: string) {
	return stored(providerOf(kindOf(kind)));
}
