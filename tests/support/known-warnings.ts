// What daemons on lab hosts may say in any spec, and why each line is right. A line of one spec's own making is declared there (expectTrouble).

const KNOWN: [pattern: RegExp, why: string][] = [
	[
		/rconn\|WARN\|.*<->tcp:|stream_tcp\|ERR\|tcp:.*: connect: |in_band\|WARN\|.*cannot find route for controller/,
		"a controller that a spec declares is not there: nobody listens at its address",
	],
	[
		/(?:rconn|jsonrpc|reconnect)\|WARN\|.*unix#\d+.*(?:Broken pipe|Connection reset by peer|Protocol error)/,
		"a client such as ovs-ofctl or ovs-vsctl ended first",
	],
	[
		/vconn\|WARN\|unix#\d+: version negotiation failed/,
		"flows are read with OpenFlow 1.4, and a bridge was told to know older versions only",
	],
	[
		/netdev_linux\|WARN\|(?:error (?:receiving|sending) Ethernet packet on|ethtool command \S+ on network device) \S+:? (?:failed: )?(?:Network is down|No such device)/,
		"a link goes down, or is deleted, by itself or with its container, and ovs-vswitchd looks at it once more",
	],
	[
		/bridge\|WARN\|could not open network device \S+ \(No such device\)/,
		"a link went with its container or with the power, or by somebody's hand, and its port stays until it is back: a port that is left is found on the host",
	],
	[/dpif_netdev\|ERR\|error receiving data from \S+: Network is down/, "the same, in the datapath"],
	[
		/(?:(?:dpif|ofproto|ofproto_dpif|bridge)\|(?:WARN|ERR)\|failed to (?:create|open|enumerate) .*(?:br-int|system).*: No such file or directory)/,
		"the lab has no datapath in its kernel, and ovn-controller makes br-int before it is told to use the other one",
	],
	[/ofproto_dpif_rid\|ERR\|recirc_id \d+ left allocated/, "a bridge ends while connections are tracked in it"],
	[/fatal_signal\S*\|WARN\|terminating with signal 15/, "a spec restarts it"],
	[/ofproto_dpif_xlate\|WARN\|dropping VLAN /, "a container sends tags that its port does not carry"],
	[
		/timeval\S*\|WARN\|(?:Unreasonably long|faults:|disk:|context switches:)|ovs_rcu\S*\|WARN\|blocked \d+ ms|unreasonably long \S* ?dumping flows/,
		"the machine had no time for Open vSwitch, or a spec froze the host",
	],
	[/(?:reconnect|jsonrpc)\S*\|(?:ERR|WARN)\|.*no response to inactivity probe/, "the same, and one daemon noticed it of another"],
	[/\|Dropped \d+ log messages in last \d+ seconds/, "Open vSwitch says so of lines that it has written before"],
	[
		/tunnel\S*\|WARN\|receive tunnel port not found/,
		"one end of a tunnel is there before the other, or longer, or has another key",
	],
	[/dockerd: level=warning msg="Error \(Unable to complete atomic operation, key modified\)/, "dockerd's own second try"],
	[
		/dockerd: level=error msg="Could not add route to IPv6 network \S+ via device \S+: network is down"/,
		"Docker's new bridge was not up yet",
	],
	[/dockerd: .*failed to remove runc container/, "a container was ended by force, or with its host's power"],
	[/dockerd: level=warning msg="cleaning up after shim disconnected"/, "a container ended"],
	[/dockerd: level=warning msg="cleanup warnings time=/, "the same, with the log of containerd's shim"],
	[
		/kernel: sh\[\d+\]: segfault .* error 6 in dash/,
		"a shell was killed in the moment in which its stack grew (Linux 6.5 and later: the page is not given to it any more)",
	],
	[
		/kernel: nft\[\d+\]: segfault .* in libgmp/,
		"nft 1.0.6 dies in `nft monitor` of some elements of sets; the agent starts it again",
	],
];

export const isKnown = (line: string): boolean => KNOWN.some(([pattern]) => pattern.test(line));
