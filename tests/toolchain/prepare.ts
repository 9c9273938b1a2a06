// Gets the Pulumi CLI ready and says where it came from: node --import tsx tests/toolchain/prepare.ts
import { ensurePulumi } from "./install/ensure";

ensurePulumi().then(
	(cli) => console.log(`pulumi: ${cli.description}`),
	(error: Error) => {
		console.error(error.message);
		process.exitCode = 1;
	},
);
