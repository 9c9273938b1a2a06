// The dump of a lab host.
import { dumpOf } from "./dump-of";
import { on } from "./lab";

export const hostDump = (host: string): Promise<Record<string, unknown>> => dumpOf((...argv) => on(host, ...argv));
