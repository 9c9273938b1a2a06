// What the helper's check says about a request, on this machine's awk or busybox's, without a host.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressMarks, linkMark, rowMark } from "../../provider/host/marks";
import type { Snapshot } from "../../provider/host/snapshot";

const PROGRAM = readFileSync(join(__dirname, "../../provider/helper/check.awk"), "utf8");

export const AWKS = [["awk"], ["busybox", "awk"]];

/** Lines as helper.sh's `things` prints them. */
export function thingsOf(snapshot: Snapshot): string[] {
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs : { bridges: {}, ports: {} };
	const rows = [...Object.values(ovs.bridges), ...Object.values(ovs.ports)];
	return [
		...Object.values(snapshot.host.links).flatMap((link) => [
			`there\t${link.name}\t${link.alias ?? ""}`,
			...(linkMark(link) !== undefined || addressMarks(link).length > 0 ? [`ours\t${link.name}`] : []),
			...(link.kind === "bridge" ? [`bridge\t${link.name}`] : []),
		]),
		...rows.flatMap((row) => [`there\t${row.name}`, ...(rowMark(row.columns) !== undefined ? [`ours\t${row.name}`] : [])]),
		...Object.keys(ovs.bridges).map((name) => `bridge\t${name}`),
	];
}

/** Empty where the request may be carried out, else the reason. */
export function verdict(request: string, things: readonly string[] = [], awk: string[] = AWKS[0]!): string {
	const [command = "", ...words] = [...awk, PROGRAM];
	const input = `${[...things, "request", request].join("\n")}\n`;
	const { status, stdout, stderr, error } = spawnSync(command, words, {
		input,
		encoding: "utf8",
		env: { ...process.env, LC_ALL: "C" },
	});
	if (error) throw error;
	if ((status === 0) !== (stdout === "") || stderr !== "") throw new Error(`${awk.join(" ")}: ${status} ${stdout} ${stderr}`);
	return stdout.trim();
}
