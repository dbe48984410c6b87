#!/bin/sh
# The first process of the node's namespaces: lays out mounts and network, then becomes the reaper.
#
#   init.sh FOLDER ADDRESS REAPER
#
# FOLDER/run is the node's own disk; nothing outside of it, and of the kernel's own file systems,
# is written to.
set -eu
folder=$1 address=$2 reaper=$3

mount -t proc proc /proc
mount --make-rshared /

mount -t tmpfs -o mode=755 run /run
mount -t tmpfs -o mode=755 log /var/log
mkdir -p "$folder/run/upper" "$folder/run/work" "$folder/run/kubelet" "$folder/run/cni"
mount -t overlay -o "lowerdir=/var/lib,upperdir=$folder/run/upper,workdir=$folder/run/work" lib /var/lib
for own in kubelet cni; do
	mkdir -p "/var/lib/$own"
	mount --bind "$folder/run/$own" "/var/lib/$own"
	mount --make-rshared "/var/lib/$own"
done

# kubelet sets these for the whole machine; here it sets plain files.
mkdir -p /run/sysctls
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
	kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
	copy=/run/sysctls/$(echo "$setting" | tr / .)
	cat "/proc/sys/$setting" >"$copy"
	mount --bind "$copy" "/proc/sys/$setting"
done

# Both ends are inside: an address for the node, and a way for packets to whatever is not here.
ip link set lo up
ip link add eth0 type veth peer name outside
ip address add "$address/24" dev eth0
ip link set eth0 up
ip link set outside up
ip route add default dev eth0
echo 1 >/proc/sys/net/ipv4/ip_forward

touch "$folder/run/laid"
exec "$reaper"
