# What the helper lets pass: a request line by line, each field held to a pattern. No rule, no way.
#
# Read first: "there NAME ALIAS", "ours NAME" and "card NAME" for what is on the host, then "request", then the request. A thing that is
# there and not ours is never changed; a name that is not there at all can be used. Fields are separated by tabs.
# Prints the reason of the first refusal, and then ends with 1.
BEGIN { FS = "\t" }

function no(why) {
	print "line " (NR - start) ": " why
	bad = 1
	exit 1
}
function number(t) { return t ~ /^[0-9]+$/ && length(t) <= 10 }
# sdk/addressing/names.ts, and no name that is a folder or stands for several links.
function name(t) {
	return t ~ /^[A-Za-z0-9._][A-Za-z0-9._-]*$/ && length(t) <= 15 && t != "." && t != ".." && t != "all" && t != "default"
}
function mac(t) { return t ~ /^[0-9a-f:]+$/ && length(t) == 17 }
function address(t) { return t ~ /^[0-9a-f.:]+$/ && length(t) <= 45 }
function network(t) { return t ~ /^[0-9a-f.:]+(\/[0-9]+)?$/ && length(t) <= 49 }
function hex(t, n) { return t ~ /^[0-9a-f]+$/ && length(t) == n }
function alias(t) { return t == "\"\"" || (t ~ /^[A-Za-z0-9_.:\/@%+=,-]+$/ && length(t) <= 255) }
function foreign(t) { return (t in card) || ((t in there) && !(t in ours)) }

# The device of a line, in the place of the block: on the host nobody else's.
function device(t) {
	if (!name(t)) no("not the name of a link: " t)
	if (where == "host" && foreign(t)) no(t " is not netplumb's")
}
# An alias without the word that says that netplumb switched route_localnet on.
function plain_alias(t,    n, part, i, out) {
	n = split(t, part, ",")
	for (i = 1; i <= n; i++) if (part[i] != "netplumb-localnet" && part[i] != "\"\"") out = out "," part[i]
	return out
}

function check_ip(text,    n, w) {
	n = split(text, w, " ")
	if (w[1] == "link" && w[2] == "add") {
		if (where == "host" || n != 17) no("not a link that can be made: " text)
		if (text !~ /^link add name [^ ]+ address [^ ]+ mtu [0-9]+ type veth peer name [^ ]+ mtu [0-9]+ netns \/proc\/self\/fd\/8$/)
			no("not a link that can be made: " text)
		if (!name(w[4]) || !mac(w[6]) || !name(w[13])) no("not a link that can be made: " text)
		if (foreign(w[13])) no(w[13] " is not netplumb's")
	} else if (w[1] == "link" && w[2] == "delete" && w[3] == "dev" && n == 4) device(w[4])
	else if (w[1] == "link" && w[2] == "set" && w[3] == "dev") check_link(text, n, w)
	else if (w[1] == "address" && (w[2] == "replace" || w[2] == "delete")) check_address(text, n, w)
	else if (w[1] == "route" && (w[2] == "replace" || w[2] == "delete")) check_route(text, n, w)
	else no("not a change of a link, an address or a route: " text)
}
function check_link(text, n, w,    i) {
	if (!name(w[4])) no("not the name of a link: " w[4])
	if (where == "host" && foreign(w[4])) {
		# A bridge that published ports lead to remembers by its alias that route_localnet was off.
		if (n == 6 && w[5] == "alias" && alias(w[6]) && (w[4] in bridge) && plain_alias(w[6]) == plain_alias(there[w[4]])) return
		no(w[4] " is not netplumb's")
	}
	for (i = 5; i <= n; i++) {
		if (w[i] == "up" || w[i] == "down" || w[i] == "nomaster") continue
		if (w[i] == "address" && mac(w[i + 1])) i++
		else if ((w[i] == "mtu" || w[i] == "group") && number(w[i + 1])) i++
		else if (w[i] == "alias" && alias(w[i + 1])) i++
		else if (w[i] == "master" && name(w[i + 1])) i++
		else no("not a setting of a link: " text)
	}
}
function check_address(text, n, w,    i, dev) {
	if (!network(w[3])) no("not an address: " text)
	for (i = 4; i <= n; i++) {
		if (w[i] ~ /^(noprefixroute|nodad|home)$/) continue
		if (w[i] == "dev" && name(w[i + 1])) dev = w[++i]
		else if (w[i] == "broadcast" && (w[i + 1] == "+" || address(w[i + 1]))) i++
		else if (w[i] ~ /^(scope|label|metric|valid_lft|preferred_lft)$/ && w[i + 1] ~ /^[A-Za-z0-9._:-]+$/) i++
		else no("not a property of an address: " text)
	}
	device(dev)
}
function check_route(text, n, w,    i, dev) {
	if (where == "host") no("routes of the host are not changed: " text)
	if (w[3] != "default" && !network(w[3])) no("not a destination: " text)
	for (i = 4; i <= n; i++) {
		if (w[i] == "onlink") continue
		if (w[i] == "dev" && name(w[i + 1])) dev = w[++i]
		else if (w[i] ~ /^(via|src)$/ && address(w[i + 1])) i++
		else if (w[i] ~ /^(metric|proto|table|tos|mtu|advmss|window|rtt|hoplimit|initcwnd|initrwnd|quickack|scope|pref)$/ && w[i + 1] ~ /^[A-Za-z0-9]+$/) i++
		else no("not a property of a route: " text)
	}
	device(dev)
}

# Words of ovs-vsctl from field 2 on; several commands with -- between them. Each command is one of these forms, whole.
function check_ovs(    i, n, w, j) {
	if (where != "host") no("Open vSwitch is the host's")
	for (i = 2; i <= NF; i++) {
		n = 0
		for (; i <= NF && $i != "--"; i++) w[++n] = $i
		if (w[1] == "add-br" && n == 2) device(w[2])
		else if (w[1] == "--if-exists" && w[2] == "del-br" && n == 3) device(w[3])
		else if (w[1] == "add-port" && n == 3 && name(w[2])) device(w[3])
		else if (w[1] == "--if-exists" && w[2] == "del-port" && n == 4 && name(w[3])) device(w[4])
		else if (w[1] == "del-controller" && n == 2) device(w[2])
		else if (w[1] == "set-controller" && n > 2) {
			device(w[2])
			for (j = 3; j <= n; j++)
				if (w[j] !~ /^(tcp|ssl|ptcp|pssl|unix|punix):[A-Za-z0-9_.:[\]\/-]+$/) no("not a controller: " w[j])
		} else if ((w[1] == "set" || w[1] == "clear" || w[1] == "remove") && w[2] ~ /^(Bridge|Port|Interface)$/ && n > 3) {
			device(w[3])
			if (w[1] == "set") for (j = 4; j <= n; j++) check_column(w[2], w[j])
			else if (n > 5 || !column(w[2], w[4]) || (n == 5 && w[5] !~ /^"[A-Za-z0-9._-]+"$/) || (w[1] == "remove" && n != 5))
				no("not a column that is changed: " w[4])
		} else no("not a change of Open vSwitch: " w[1])
	}
}
function column(table, t) {
	if (t == "other_config" || t == "external_ids") return 1
	if (table == "Bridge") return t ~ /^(datapath_type|fail_mode|stp_enable|rstp_enable|mcast_snooping_enable|protocols)$/
	if (table == "Port") return t ~ /^(tag|trunks|vlan_mode|protected)$/
	return t ~ /^(type|options|mtu_request)$/
}
# column=value and column:"key"=value. The value is a text in quotes, a number, a truth, or a set of them.
function check_column(table, t,    at, left, value, key) {
	at = index(t, "=")
	left = substr(t, 1, at - 1)
	value = substr(t, at + 1)
	if (match(left, /:"[A-Za-z0-9._-]+"$/)) {
		key = substr(left, RSTART + 2, RLENGTH - 3)
		left = substr(left, 1, RSTART - 1)
		if (left !~ /^(other_config|external_ids|options)$/) no("not a column that is changed: " left)
		# They say that a boot shall drop the port of a card, and what that card had.
		if (left == "external_ids" && key ~ /^netplumb-(carr|was-down)/) no("cards of the host are not changed")
	}
	if (!column(table, left)) no("not a column that is changed: " left)
	if (left == "type" && value !~ /^"(|system|internal|vxlan|geneve|gre)"$/) no("not a type of interface: " value)
	if (value !~ /^\[?("([^"\\]|\\.)*"|[a-z0-9.-]+)?(,("([^"\\]|\\.)*"|[a-z0-9.-]+))*\]?$/) no("not a value: " value)
}

# Elements of netplumb's own table; no text of a rule ever comes from outside.
function check_nft(    i) {
	if (where != "host") no("the firewall is the host's")
	if ($2 == "ruleset") {
		for (i = 3; i <= NF; i++) if ($i !~ /^[A-Za-z][A-Za-z0-9_.\/-]*$/) no("not the name of a chain: " $i)
		return
	}
	if ($2 == "delete table inet netplumb" && NF == 2) return
	if (NF != 2 || $2 !~ /^(add|delete) element inet netplumb [a-z0-9-]+ \{ [A-Za-z0-9_.\/:@%+=,# *"-]+ \}$/) no("not an element: " $2)
}

function check_do(    ok, i) {
	if ($2 == "sysctl") {
		ok = NF == 5 && $3 ~ /^ipv[46]$/ && $5 ~ /^(disable_ipv6|accept_ra|arp_ignore|forwarding|drop_unicast_in_l2_multicast|route_localnet)=[0-9]+$/ && name($4)
		if (ok && where == "host" && $5 ~ /^route_localnet=/ && ($4 in bridge)) return
		if (ok) device($4)
	} else if ($2 == "announce") {
		ok = (NF == 4 || (NF == 5 && $5 == "optional")) && mac($4)
		if (ok) device($3)
	} else if ($2 == "offload") {
		ok = NF == 3
		if (ok) device($3)
	} else if ($2 == "mtu-release") {
		ok = NF == 4 && number($4) && where == "host"
		if (ok) device($3)
	} else if ($2 == "fdb-flush") {
		# As with a port that is added, whosever the bridge is.
		ok = NF == 3 && name($3) && where == "host"
	} else if ($2 == "flows") {
		ok = NF > 3 && hex($4, 8) && where == "host"
		for (i = 5; i <= NF; i++)
			if (index($i, "cookie=0x6e70" $4) != 1 || $i !~ /^cookie=0x[0-9a-f]+,[][A-Za-z0-9_=,.:\/"()>+-]+ actions=[][A-Za-z0-9_=,.:\/"()>+-]+$/) ok = 0
		if (ok) device($3)
	} else if ($2 == "docker-user") ok = NF == 4 && $3 ~ /^(add|delete)$/ && $4 ~ /^ip6?tables(-nft|-legacy)?$/ && where == "host"
	else if ($2 == "conntrack") ok = NF == 5 && $3 ~ /^[46]$/ && ($4 == "-" || network($4)) && ($5 == "-" || network($5)) && where == "host"
	if (!ok) no("not a change: " $2)
}

!start {
	if ($1 == "there" && !($2 in there)) there[$2] = $3
	else if ($1 == "ours") ours[$2] = 1
	else if ($1 == "card") card[$2] = 1
	else if ($1 == "bridge") bridge[$2] = 1
	else if ($1 == "request") start = NR
	next
}
/[\001-\010\013-\037\177]/ { no("a control character") }
NR == start + 1 {
	verb = $1
	if (verb == "status" && NF == 1) next
	if (verb == "read" && NF == 2 && $2 ~ /^@[0-9a-f]+$/) next
	if (verb == "apply" && NF == 4 && $2 ~ /^@[0-9a-f]+$/ && $3 ~ /^[A-Za-z0-9-]+$/ && $4 ~ /^[0-9a-f]+$/) next
	no("not a request: " $1)
}
verb == "status" { no("nothing more was expected") }
$1 == "fact" && NF == 2 && $2 ~ /^(firewall|ports|flows)$/ { next }
$1 == "desired" && NF == 2 && $2 ~ /^(all|[0-9a-f]+)$/ { next }
$1 == "others" && NF == 2 && ($2 == "names" || $2 == "attached") { next }
$1 == "to" && NF == 2 && address($2) { next }
$1 == "device" && NF == 2 && name($2) { next }
# A name or id, or PID:START:ID:NAME for a container that was seen before.
$1 == "container" && NF == 2 && $2 ~ /^([0-9]+:[0-9]+:[0-9a-f]+:)?[A-Za-z0-9][A-Za-z0-9_.-]*$/ && length($2) <= 400 { next }
verb != "apply" { no("not for a reader: " $1) }
$1 == "last" && NF == 2 && $2 ~ /^(done|failed)$/ { next }
$1 == "forget" && NF == 3 && $2 ~ /^(before|after)$/ && $3 ~ /^[0-9]-[0-9a-f]+$/ { next }
$1 == "block" && NF == 2 && $2 == "host" { where = "host"; next }
$1 == "block" && NF == 4 && hex($2, 64) && number($3) && $4 ~ /^[0-9]+$/ { where = $2; next }
where == "" { no("not a part of a request: " $1) }
$1 == "step" && NF == 2 && $2 ~ /^(ip|ovs|nft|do)$/ { step = $2; next }
step == "" { no("not a part of a request: " $1) }
substr($1, 1, 1) == "+" && substr($1, 2) != step && $1 != "+port" { no("not a part of this step: " $1) }
$1 ~ /^[+-]ip$/ && NF == 2 { check_ip($2); next }
$1 ~ /^[+-]ovs$/ && NF > 2 { check_ovs(); next }
$1 ~ /^[+-]nft$/ && NF > 1 { check_nft(); next }
$1 ~ /^[+-]do$/ && NF > 1 { check_do(); next }
$1 ~ /^[+-]port$/ && NF == 2 && $2 ~ /^[46] (tcp|udp|sctp) (any|[0-9a-f.:\/]+) [0-9]+ [0-9]+$/ { next }
{ no("not a part of a request: " $1) }
END { if (bad) exit 1 }
