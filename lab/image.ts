import {
	chmodSync,
	copyFileSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	renameSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { LabPaths } from "./options";
import { findCommand } from "./problem";
import { run, tryRun } from "./run";

/** The image that every host has, with no registry involved. */
export const labImage = "netplumb/busybox:1";

/** Keeps running. The trap makes `docker stop` quick: process 1 of a container ignores a signal that it does not handle. */
export const labImageCommand = ["sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"];

const files: Record<string, string> = {
	"etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
	"etc/group": "root:x:0:\nnogroup:x:65534:\n",
	"etc/hosts": "127.0.0.1 localhost\n",
	"etc/resolv.conf": "",
};

/** Packs busybox and its links into a tar file that `docker import` takes. */
export async function makeImage(paths: LabPaths): Promise<void> {
	if (existsSync(paths.image)) return;
	const busybox = findCommand("busybox")!;
	if ((await tryRun(["ldd", busybox])).exitCode === 0) {
		throw new Error(`${busybox} needs shared libraries, which the image has not: run \`apt-get install busybox-static\`.`);
	}
	const root = mkdtempSync(join(paths.dir, "image-"));
	for (const folder of ["bin", "etc", "root", "tmp", "proc", "sys", "dev", "var"]) mkdirSync(join(root, folder));
	chmodSync(root, 0o755);
	chmodSync(join(root, "tmp"), 0o1777);
	for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
	copyFileSync(busybox, join(root, "bin/busybox"));
	chmodSync(join(root, "bin/busybox"), 0o755);
	for (const applet of (await run([busybox, "--list"])).split("\n")) {
		if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
	}
	await run([
		"tar",
		"--create",
		"--sort=name",
		"--mtime=@0",
		"--owner=0",
		"--group=0",
		"--numeric-owner",
		"-C",
		root,
		"-f",
		`${paths.image}.new`,
		".",
	]);
	renameSync(`${paths.image}.new`, paths.image);
	rmSync(root, { recursive: true });
}
