// Hostile strings through every string input of every kind: refused by check, or carried as data to the last byte.
import { expect } from "chai";
import * as fc from "fast-check";
import { shWord } from "../../provider/host/encode";
import { render } from "../../provider/host/render";
import type { Kind } from "../../provider/kinds/kind";
import { kinds } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";
import { hostOf } from "../model/hosts";
import { plan, wish } from "../plan/properties";
import { at, complete, good, type Path, places, put } from "./good";

/** In all; the bounded number is spread over the inputs of every kind. */
const STRINGS = Number(process.env["NETPLUMB_HOSTILE"] ?? 1500);

const CODE = [
	"$(",
	"`",
	";",
	"|",
	"&",
	"\n",
	"\r",
	"\0",
	"'",
	'"',
	"\\",
	"--",
	"-",
	" ",
	"{",
	"}",
	"#",
	"%s",
	"*",
	"?",
	"~",
	"!",
	"../",
	"\u202e",
	"é",
	"@",
];
const hostile = fc.oneof(
	fc
		.array(fc.oneof(fc.constantFrom(...CODE), fc.string({ maxLength: 4 })), { minLength: 1, maxLength: 8 })
		.map((parts) => parts.join("")),
	fc.string({ unit: "binary", maxLength: 40 }),
);
/** A hostile piece in, before or behind what is accepted, which passes more grammars than noise does. */
const beside = (value: string) =>
	fc.tuple(hostile, fc.nat(value.length)).map(([piece, cut]) => value.slice(0, cut) + piece + value.slice(cut));

const HOST = hostOf({
	...{ kernelDatapath: true, ipv6Off: false, docker: true, dockerIpv6: true, foreignBridge: true, foreignNetdev: false },
	...{ foreignPorts: 1, linuxBridge: true, cards: [{ up: true, mtu: 1500 }], alias: false },
});
/** A word of a command as people can read it: what is in it must be within quotes of sh, or need none. */
const isOneWord = (word: string) => /^'(?:[^']|'\\'')*'$|^[A-Za-z0-9_@%+=:,./-]+$/.test(shWord(word));

const inputs: [kind: string, path: Path][] = Object.entries(complete).flatMap(([kind, args]) =>
	places(args)
		.filter((path) => typeof at(args, path) === "string")
		.map((path): [string, Path] => [kind, path]),
);

describe("hostile strings", () => {
	const each = Math.ceil(STRINGS / inputs.length);
	let carried = 0;
	for (const [name, path] of inputs)
		it(`are refused or carried exactly as ${path.join(".")} of ${name}`, () => {
			const kind = (kinds as unknown as Record<string, Kind<Record<string, unknown>>>)[name]!;
			const args = complete[name as keyof typeof complete];
			const value = fc.oneof(hostile, beside(String(at(args, path))));
			const property = fc.property(value, (text) => {
				const { inputs: found, failures } = check(kind, {
					host: good.host,
					owner: "p/s/n",
					...(put(args, path, text) as object),
				});
				for (const { reason } of failures) expect(reason).to.match(/^[^\p{Cc}\p{Cf}]*$/u);
				if (failures.length > 0) return;
				carried++;
				const { host: _, owner: __, ...wanted } = found;
				for (const { change } of plan(kind, wish(wanted), HOST) ?? []) {
					const rendered = render(change); // throws where a word is not fit for ip -batch
					if (rendered.tool === "ip") for (const line of rendered.lines) expect(line).to.match(/^[ -~]*$/);
					// The rules are constant; only elements carry what was given.
					const elements = rendered.tool === "nft" ? rendered.lines.filter((line) => / element /.test(line)) : [];
					for (const line of elements) expect(line).to.not.match(/[\n;`$\\]/);
					if (rendered.tool === "ovs") for (const word of rendered.commands.flat()) expect(isOneWord(word), word).to.equal(true);
				}
			});
			fc.assert(property, { numRuns: each });
		});
	after(() =>
		console.log(`      ${each * inputs.length} strings through ${inputs.length} inputs, ${carried} of them carried as data`),
	);
});
