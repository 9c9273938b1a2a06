// How many requests are here at once, whatever their hosts. The engine keeps no more than its parallelism under way (by default
// four for each processor), so once as many are here as ever were, none comes before one of them is answered.

let here = 0;
let most = 0;
const waiting = new Set<() => void>();

/** Counts `answer` as under way until it settles. */
export function withUs<T>(answer: Promise<T>): Promise<T> {
	here++;
	most = Math.max(most, here);
	for (const resume of waiting) resume();
	return answer.finally(() => {
		here--;
	});
}

/** How many requests are not answered yet. */
export function underWay(): number {
	return here;
}

/** Waits until half of the crowd waits for this host, or nobody more can be expected, at most `ms` milliseconds. */
export function enoughAreHere(ms: number, waitingHere: () => number): Promise<void> {
	return new Promise((resolve) => {
		const resume = () => {
			if (here < most && waitingHere() * 2 < most) return;
			done();
		};
		const done = () => {
			clearTimeout(timer);
			waiting.delete(resume);
			resolve();
		};
		const timer = setTimeout(done, ms);
		waiting.add(resume);
		// Not before those who were just answered have ceased to count.
		setImmediate(resume);
	});
}
