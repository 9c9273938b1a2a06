# Part of boot.sh: the host's file systems, accounts and configuration.

# What the machine has of the same kind is hidden by a whiteout (a device 0/0 in the upper folder), not by deleting it.
hide() {
	local upper=$1 lower=$2 name
	shift 2
	for name; do
		[ ! -e "$lower/$name" ] || mknod "$upper/$name" c 0 0
	done
}
# The machine's mounts below folders that the host covers: kept, they would keep the machine's containers and network
# namespaces busy after their end. This only detaches this host's copies.
detach_covered() {
	local points point
	points=$(awk '$5 ~ "^/(run|var/lib)/" { print $5 }' /proc/self/mountinfo | sort -r)
	for point in $points; do
		umount -l "$(printf %b "${point//\\/\\0}")" 2>/dev/null || true # a blank is written as \040 there
	done
}
mount_disk() {
	detach_covered
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/lab /run/lock /run/sshd /run/openvswitch /run/machine-cgroups
	mount --bind . /run/lab # the lab's folder may lie below something that is covered next
	mount --rbind /sys/fs/cgroup /run/machine-cgroups
	mount -t sysfs sysfs /sys # shows the links of this network namespace
	mount_cgroups
	mkdir -p /run/lab/disk
	cd /run/lab/disk
	if [ ! -e made ]; then
		mkdir -p etc/{upper,work} lib/{upper,work} local/{upper,work} log/openvswitch root home docker
		hide etc/upper /etc docker openvswitch ovn ssh
		hide local/upper /usr/local/lib netplumb
		hide lib/upper /var/lib docker containerd openvswitch ovn netplumb
	fi
	chmod 700 root
	mount -t overlay -o lowerdir=/etc,upperdir=$PWD/etc/upper,workdir=$PWD/etc/work etc /etc
	mount -t overlay -o lowerdir=/var/lib,upperdir=$PWD/lib/upper,workdir=$PWD/lib/work lib /var/lib
	mount -t overlay -o lowerdir=/usr/local/lib,upperdir=$PWD/local/upper,workdir=$PWD/local/work local /usr/local/lib
	mkdir -p /var/lib/docker
	mount --bind docker /var/lib/docker
	mount --bind log /var/log
	mount --bind root /root
	mount --bind home /home
	mount -t tmpfs -o mode=1777 tmpfs /tmp
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	cd /
}

add_user() {
	sed -i "/^$1:/d" /etc/passwd /etc/group /etc/shadow
	echo "$1:x:$2:$2:netplumb lab:/home/$1:/bin/bash" >> /etc/passwd
	echo "$1:x:$2:" >> /etc/group
	echo "$1:*:19000:0:99999:7:::" >> /etc/shadow # "*" is no password; "!" would lock the account for sshd too
	install -d -m 700 -o "$2" -g "$2" "/home/$1"
}
first_boot() {
	mkdir -p /etc/docker /etc/openvswitch /etc/ssh /etc/sudoers.d
	printf '127.0.0.1 localhost\n::1 localhost\n%s %s\n' "$LAB_ADDRESS" "$LAB_NAME" > /etc/hosts
	echo "$LAB_NAME" > /etc/hostname
	add_user ops 61001
	add_user nobody-ops 61002
	(umask 337 && echo 'ops ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/netplumb-lab)
	install -m 600 /run/lab/ssh_host_ed25519_key /etc/ssh/
	install -m 644 /run/lab/authorized_keys /etc/ssh/
	cat > /etc/ssh/sshd_config <<-END
		ListenAddress $LAB_ADDRESS
		HostKey /etc/ssh/ssh_host_ed25519_key
		AuthorizedKeysFile /etc/ssh/authorized_keys
		PermitRootLogin prohibit-password
		PasswordAuthentication no
		KbdInteractiveAuthentication no
		UsePAM no
		UseDNS no
		PrintMotd no
		MaxStartups 200
		LogLevel VERBOSE
		PidFile /run/sshd.pid
	END
	ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema
	: > /run/lab/disk/made
}
