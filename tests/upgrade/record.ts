// Before a release: writes what `up` of this version leaves in the state and on the host into recorded/<version>.json, where it stays for good.
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { version } from "../../package.json";
import { Engine } from "../fuzz/engine";
import { ModelExchange } from "../fuzz/model-exchange";
import { HOST, program, type Recorded, startingHost } from "./program";

async function record(): Promise<void> {
	const start = startingHost();
	const exchange = new ModelExchange(start);
	const host = { address: HOST };
	exchange.serve(host);
	const engine = new Engine(host);
	const { errors } = await engine.up(program);
	if (Object.keys(errors).length > 0) throw new Error(JSON.stringify(errors));
	const recorded: Recorded = { version, start, host: exchange.snapshot, resources: [...engine.live] };
	const file = path.join(__dirname, "recorded", `${version}.json`);
	writeFileSync(file, `${JSON.stringify(recorded, undefined, "\t")}\n`);
	console.log(file);
}

record().then(() => process.exit(0));
