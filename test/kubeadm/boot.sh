#!/bin/sh
# Turns namespaces into a node: its root, its /proc, /sys and cgroups, its name; then its init is process 1.
#
#   boot.sh NAME DIRECTORY ROOT PROGRAMS HIERARCHY...
#
# Runs as first process of new mount, pid, network, uts, ipc and cgroup namespaces, already in the node's cgroups. All
# that it mounts is in the node's mount namespace and goes with it.
set -eu
name=$1
directory=$2
lower=$3
programs=$4
shift 4
root=$directory/root

# /proc is still the machine's: this is our number as the machine knows it, with the time that tells it from a later one.
read -r stat </proc/self/stat
echo "$stat" >"$directory/stat.partial"
mv "$directory/stat.partial" "$directory/stat"

mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work" "$root"
# containerd makes overlays of its own, which the kernel does not stack on an overlay.
for state in containerd kubelet etcd; do
  mkdir -p "$root/var/lib/$state"
  mount --bind "$directory/$state" "$root/var/lib/$state"
done
mkdir -p "$root/usr/local/kubernetes"
mount --bind "$programs" "$root/usr/local/kubernetes"
mount -o remount,bind,ro "$root/usr/local/kubernetes"
# A kernel in modules loads what kube-proxy's rules want from there.
if [ -d /lib/modules ]; then
  mount --bind /lib/modules "$root/usr/lib/modules"
  mount -o remount,bind,ro "$root/usr/lib/modules"
fi

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs tmp "$root/tmp"
# In a cgroup namespace each hierarchy begins at the node's own group.
mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"
for hierarchy in "$@"; do
  mkdir "$root/sys/fs/cgroup/$hierarchy"
  case $hierarchy in
    systemd) controllers=none,name=systemd ;;
    *) controllers=$hierarchy ;;
  esac
  mount -t cgroup -o "$controllers" cgroup "$root/sys/fs/cgroup/$hierarchy"
done

# Settings of the whole machine that the kubelet would write. It finds them as it wants them, and leaves the machine's alone.
mkdir "$root/run/settings"
keep_setting() {
  file=$root/run/settings/$(echo "$1" | tr / .)
  echo "$2" >"$file"
  mount --bind "$file" "$root/proc/sys/$1"
}
keep_setting vm/overcommit_memory 1
keep_setting vm/panic_on_oom 0
keep_setting kernel/panic 10
keep_setting kernel/panic_on_oops 1
keep_setting kernel/keys/root_maxkeys 1000000
keep_setting kernel/keys/root_maxbytes 25000000

hostname "$name"
cd "$root"
mkdir -p oldroot
pivot_root . oldroot
umount -l /oldroot
cd /
exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root tini -- /usr/local/sbin/node-init
