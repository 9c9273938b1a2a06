// A plot of a few lines, as SVG.

export interface Series {
	name: string;
	points: [x: number, y: number][];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP] = [640, 360, 56, 44, 16, 16];
const COLOURS = ["#0b6e99", "#c2571a", "#777777"];

export function plot(yLabel: string, xLabel: string, series: readonly Series[]): string {
	const all = series.flatMap(({ points }) => points);
	const right = Math.max(...all.map(([x]) => x));
	const top = Math.max(...all.map(([, y]) => y)) * 1.05;
	const x = (value: number) => LEFT + (value / right) * (WIDTH - LEFT - RIGHT);
	const y = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - BOTTOM - TOP);
	const text = (at: [number, number], anchor: string, words: string, more = "") =>
		`<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}"${more}>${words}</text>`;
	const ticks = [...new Set(all.map(([value]) => value))];
	const step = niceStep(top / 4);
	const levels = Array.from({ length: Math.floor(top / step) + 1 }, (_, index) => index * step);
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
		`<title>${yLabel} by ${xLabel}</title>`,
		`<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
		...levels.flatMap((level) => [
			`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(level).toFixed(1)}" y2="${y(level).toFixed(1)}" stroke="#dddddd"/>`,
			text([LEFT - 6, y(level) + 4], "end", String(level)),
		]),
		...ticks.map((tick) => text([x(tick), HEIGHT - BOTTOM + 16], "middle", String(tick))),
		text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8], "middle", xLabel),
		text([14, HEIGHT / 2], "middle", yLabel, ` transform="rotate(-90 14 ${HEIGHT / 2})"`),
		...series.flatMap(({ name, points }, index) => {
			const colour = COLOURS[index % COLOURS.length]!;
			const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
			return [
				`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
				...points.map(([px, py]) => `<circle cx="${x(px).toFixed(1)}" cy="${y(py).toFixed(1)}" r="3" fill="${colour}"/>`),
				text([LEFT + 12, TOP + 16 * (index + 1)], "start", name, ` fill="${colour}"`),
			];
		}),
		"</svg>",
		"",
	].join("\n");
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
	const power = 10 ** Math.floor(Math.log10(rough));
	return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}
