import { existsSync, rmdirSync, rmSync } from "node:fs";
import { powerOff } from "./host";
import { type LabOptions, labPaths } from "./options";
import { readText } from "./process";
import { run } from "./run";
import { hostNames, readState, withLock } from "./state";
import { stopSwitch } from "./switch";

/** Removes a lab with everything that `up` made, and only that. Says whether there was one. */
export async function labDown(options: LabOptions = {}): Promise<boolean> {
	const paths = labPaths(options);
	if (!existsSync(paths.dir)) return false;
	const found = await withLock(paths, async () => {
		const state = readState(paths);
		if (state === undefined) return false;
		await Promise.all(hostNames(state).map((name) => powerOff(paths, name)));
		await stopSwitch(paths);
		await unmountBelow(paths.hosts);
		await run(["rm", "-rf", "--one-file-system", "--", paths.hosts]);
		const files = [paths.identityFile, `${paths.identityFile}.pub`, paths.knownHostsFile, paths.image, paths.switchLog];
		for (const file of files) rmSync(file, { force: true });
		await run([
			"find",
			paths.dir,
			"-xdev",
			"-mindepth",
			"1",
			"-maxdepth",
			"1",
			"-name",
			"image-*",
			"-exec",
			"rm",
			"-rf",
			"{}",
			"+",
		]);
		for (const file of [`${paths.image}.new`, `${paths.knownHostsFile}.new`, `${paths.state}.new`, paths.state]) {
			rmSync(file, { force: true }); // the state last: until then a second `down` can finish the work
		}
		return true;
	});
	try {
		rmdirSync(paths.dir);
	} catch (error) {
		// Somebody put files of their own there, or another `up` has already begun: then the folder stays.
		if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
	}
	return found;
}

/** The lab mounts nothing on the machine, but a mount that somebody else put below its folder must not meet `rm -rf`. */
async function unmountBelow(folder: string): Promise<void> {
	const mountPoints = (readText("/proc/self/mountinfo") ?? "")
		.split("\n")
		.map((line) => line.split(" ")[4] ?? "")
		.map((path) => path.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
		.filter((path) => path === folder || path.startsWith(`${folder}/`));
	for (const path of mountPoints.reverse()) await run(["umount", "--", path]);
}
