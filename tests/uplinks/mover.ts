// A provider of its own: creates the OvsBridge that its argument describes. For tests that kill it.
import { lifecycle } from "../../provider/v1";

async function main(): Promise<void> {
	const provider = lifecycle("OvsBridge");
	const news = { owner: "lab/test/a", __provider: "constant", ...JSON.parse(process.argv[2]!) };
	const { inputs } = await provider.check({}, news);
	await provider.create(inputs);
}

main().catch(() => {
	process.exitCode = 1;
});
