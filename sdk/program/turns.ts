// The order in which the resources of a program go on to the engine, which begins with what comes first and keeps few under way. What a
// program says about several hosts becomes known host by host, as all resources of a host wait for the same fields of it; in that
// order, one host would work while the others wait.

export class Turns {
	private next = 0;
	private ready: { place: number; go: () => void }[] = [];

	/** A place behind all that were taken. */
	take(): number {
		return this.next++;
	}

	/** Resolves soon. Of those who come in one turn of the event loop, which is when no promise can go on, the first place goes first. */
	of(place: number): Promise<void> {
		return new Promise((go) => {
			if (this.ready.push({ place, go }) === 1) setImmediate(() => this.release());
		});
	}

	private release(): void {
		const ready = this.ready.sort((a, b) => a.place - b.place);
		this.ready = [];
		for (const { go } of ready) go();
	}
}
