// Encapsulated frames as anybody on the underlay can send them, and what of them arrives in a container.
import { on } from "./lab";
import { type Site, within } from "./sites";

// 0x88b5 is for local experiments (IEEE 802); the text says which one it was.
const SEND = `
my ($type, $to, $key, $text, $from) = @ARGV;
my $inner = pack("H*", "ffffffffffff" . "020000000077" . "88b5") . $text . "\\0" x 40;
use Socket;
my ($socket, $packet, $port);
if ($type eq "gre") {
	$packet = pack("nnN", 0x2000, 0x6558, $key) . $inner;                                   # RFC 2890, with a key
} elsif ($type eq "vxlan") {
	($packet, $port) = (pack("NN", 0x08000000, $key << 8) . $inner, 4789);                  # RFC 7348
} else {
	($packet, $port) = (pack("nnN", 0, 0x6558, $key << 8) . $inner, 6081);                  # RFC 8926, without options
}
if (defined $from) {
	$packet = pack("nnnn", 54321, $port, 8 + length $packet, 0) . $packet if defined $port;
	my $header = pack("CCnnnCCna4a4", 0x45, 0, 20 + length $packet, 1, 0, 64, defined $port ? 17 : 47, 0, inet_aton($from), inet_aton($to));
	socket($socket, AF_INET, SOCK_RAW, 255) or die $!;
	send($socket, $header . $packet, 0, pack_sockaddr_in(0, inet_aton($to))) or die $!;
} else {
	defined $port ? socket($socket, AF_INET, SOCK_DGRAM, 17) : socket($socket, AF_INET, SOCK_RAW, 47) or die $!;
	send($socket, $packet, 0, pack_sockaddr_in($port // 0, inet_aton($to))) or die $!;
}`;

export interface Injected {
	/** The host that sends. */
	host: string;
	type: string;
	key: number;
	/** The underlay address of the host that it is sent to. */
	to: string;
	/** Found again in what arrives. */
	text: string;
	/** Another source address than the sender's own. */
	from?: string;
}

export async function inject({ host, type, to, key, text, from }: Injected): Promise<void> {
	await on(host, "perl", "-e", SEND, type, to, String(key), text, ...(from === undefined ? [] : [from]));
}

/** While `work` runs and a second longer, listens at eth1 of a container, and gives the texts that arrive there, each as often as it does. */
export async function arrivals(site: Site, work: () => Promise<unknown>): Promise<string[]> {
	const file = `/run/arrivals-${site.container}`;
	const listen = `tcpdump -i eth1 -p -l -xx -n ether src 02:00:00:00:00:77 >${file} 2>&1 </dev/null & echo $! >${file}.pid
		i=0; until grep -q '^listening\\|listening on' ${file} || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done`;
	await within(site, "sh", "-c", listen);
	try {
		await work();
		await new Promise((resolve) => setTimeout(resolve, 1000));
	} finally {
		await on(site.host, "sh", "-c", `kill "$(cat ${file}.pid)"; sleep 0.1`);
	}
	const heard = await on(site.host, "sh", "-c", `cat ${file}; rm -f ${file} ${file}.pid`);
	return heard.split(/^\d\d:\d\d:/m).flatMap((packet) => {
		const hex = [...packet.matchAll(/^\s+0x[0-9a-f]+: +([0-9a-f ]+)$/gm)].map((line) => line[1]!.replaceAll(" ", ""));
		return (
			Buffer.from(hex.join(""), "hex")
				.toString("latin1")
				.match(/<[a-z0-9-]+>/) ?? []
		);
	});
}
