# Part of boot.sh: the host's control groups, versions 1 and 2.

# The second lab host must not see the first one's cgroups, and a killed host leaves empty ones behind that somebody must
# find: hence cgroups of its own, below our own (version 1) or at the top (version 2, whose inner nodes hold no process).
make_cgroups() {
	: > "$LAB_HOST_DIR/cgroups"
	if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
		join_cgroup /sys/fs/cgroup
		return
	fi
	local lines controllers path
	lines=$(cat /proc/self/cgroup) # at once: joining changes the file
	while IFS=: read -r _ controllers path; do
		controllers=${controllers#name=}
		join_cgroup "/sys/fs/cgroup/${controllers:-unified}${path%/}"
	done <<< "$lines"
}
join_cgroup() {
	local lab=$1/$LAB_LINK own=$1/$LAB_LINK/$LAB_NAME file
	[ -d "$1" ] && mkdir -p "$own" 2>/dev/null || return 0
	echo "$own" >> "$LAB_HOST_DIR/cgroups"
	for file in cpuset.cpus cpuset.mems; do # version 1: empty at first, and then no process may join
		[ -e "$1/cgroup.controllers" ] || [ ! -e "$1/$file" ] && continue
		cat "$1/$file" > "$lab/$file"
		cat "$1/$file" > "$own/$file"
	done
	[ ! -e "$lab/cgroup.controllers" ] || pass_controllers "$lab"
	echo $$ > "$own/cgroup.procs"
}
pass_controllers() {
	local controller
	for controller in $(cat "$1/cgroup.controllers"); do
		echo "+$controller" > "$1/cgroup.subtree_control" 2>/dev/null || true
	done
}
mount_cgroups() {
	if [ ! -s /run/lab/cgroups ]; then
		mount --move /run/machine-cgroups /sys/fs/cgroup # none of our own could be made: share the machine's
		return
	fi
	umount -R /run/machine-cgroups
	rmdir /run/machine-cgroups
	if [ "$LAB_CGROUP" = cgroup2fs ]; then
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		pass_controllers /sys/fs/cgroup
		return
	fi
	mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
	local controllers name
	while IFS=: read -r _ controllers _; do
		name=${controllers#name=}
		mkdir "/sys/fs/cgroup/${name:-unified}"
		case $controllers in
			"") mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified ;;
			name=*) mount -t cgroup -o "none,$controllers" cgroup "/sys/fs/cgroup/$name" ;;
			*) mount -t cgroup -o "$controllers" cgroup "/sys/fs/cgroup/$name" ;;
		esac || rmdir "/sys/fs/cgroup/${name:-unified}"
	done < /proc/self/cgroup
}
