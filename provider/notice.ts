// A word to the people who run Pulumi that is no error: the engine shows what a provider prints as a note.
const said = new Set<string>();

/** Says it once a process: a preview and an update pass the same place more than once. */
export function notice(text: string): void {
	if (said.has(text)) return;
	said.add(text);
	console.log(`netplumb: ${text}`);
}
