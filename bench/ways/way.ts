/** A way to give each of many containers a link into a bridge and an address. */
export interface Way {
	name: string;
	up(): Promise<void>;
	down(): Promise<void>;
}

export interface Wire {
	host: string;
	container: string;
	/** The host end of the link. */
	link: string;
	address: string;
}
