// Repeated measurements, and what is said of them: the median, and the ratio to something measured in the same run, with its spread.

export interface Sample {
	seconds: number;
	/** Processor seconds on the hosts. */
	host: number;
}

export async function sample(work: () => Promise<unknown>, hostSeconds: () => number): Promise<Sample> {
	const [host, start] = [hostSeconds(), process.hrtime.bigint()];
	await work();
	const seconds = Number(process.hrtime.bigint() - start) / 1e9;
	return { seconds, host: hostSeconds() - host };
}

export function median(numbers: readonly number[]): number {
	const sorted = [...numbers].sort((a, b) => a - b);
	return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** "1.42 (1.38 to 1.51)": the ratios of pairs, each pair measured one after the other. */
export function ratio(ours: readonly number[], theirs: readonly number[]): string {
	const each = ours.slice(0, theirs.length).map((value, index) => value / theirs[index]!);
	return `${median(each).toFixed(2)} (${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)})`;
}

export function table(rows: readonly (readonly string[])[]): string {
	const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
	return rows
		.map((row) =>
			row
				.map((cell, column) => cell.padEnd(widths[column]!))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}
