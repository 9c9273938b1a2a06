// What nft tells of our table, as two versions print it.
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { isNetplumbError } from "../../provider/errors";
import { parseTable } from "../../provider/host/parse-firewall";

const comment = "netplumb:shop/prod/db-0123456789";

for (const file of ["nft-1.0.6.json", "nft-newer-shape.json"]) {
	describe(`the table in ${file}`, () => {
		const text = readFileSync(path.join(__dirname, "recorded", file), "utf8").trim();

		it("is understood", () => {
			const { elements, chains, sets } = parseTable(text);
			expect(elements).to.have.deep.members([
				{ set: "tcp4", key: ["0.0.0.0/0", "8000-8999"], value: ["10.31.0.10"], comment },
				{ set: "tcp4-port", key: ["192.0.2.7", "8080"], value: ["10.31.0.10", "80"], comment },
				{ set: "tcp4-from", key: ["192.0.2.0/24", "0.0.0.0/0", "8000-8999"], comment },
				{ set: "udp6", key: ["2001:db8::7", "53"], value: ["fd00::53"], comment },
				{ set: "localhost", key: ["tcp", "8080"], comment },
			]);
			expect(sets).to.include.members(["tcp4", "tcp4-port", "tcp4-from", "tcp4-hairpin", "udp6", "localhost"]);
			expect(chains["publish"]!.hook).to.equal("nat prerouting -101");
			for (const rule of chains["publish"]!.rules) expect(rule).to.match(/^netplumb [0-9a-f]{8}$/);
		});

		it("is refused when it is cut anywhere", () => {
			for (let length = 0; length < text.length; length += 7) {
				try {
					parseTable(text.slice(0, length));
				} catch (error) {
					expect(isNetplumbError(error, "unreadable"), `cut at ${length}: ${error}`).to.equal(true);
					continue;
				}
				throw new Error(`cut at ${length}: taken for a whole answer`);
			}
		});
	});
}
