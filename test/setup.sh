#!/bin/sh
# Makes a bare Debian machine ready: packages, npm ci, the CNI executable. Called by npm before lab, test and bench, with
# the name of what follows.
# It installs only what is missing, starts no service, and does nothing when nothing is to be done.
#
# POSIX sh and the machine's own tools alone: it runs before there is a node that could run anything else.
set -eu

packages="bird2 frr gobgpd openbgpd etcd-server etcd-client iptables nftables ipset containernetworking-plugins \
iproute2 iputils-ping gcc libc6-dev make procps binutils conntrack ca-certificates python3-venv"
# Debian's is a major version behind.
exabgp_version=5.0.15

case ${1:-} in
  test) packages="$packages pmacct podman crun containerd curl socat" ;;
  cluster | test:kubeadm) packages="$packages debootstrap debian-archive-keyring socat" ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
policy=/usr/sbin/policy-rc.d
saved_policy=$policy.before-brindle
log=
borrowed=

fail() {
  echo "brindle: $*" >&2
  exit 1
}

now_ms() {
  date +%s%3N
}

# One line a step: what it does, and how long it took.
step() {
  title=$1
  shift
  printf '%s ... ' "$title"
  started=$(now_ms)
  log=$(mktemp /tmp/brindle-setup.XXXXXX)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
    log=
    elapsed=$(($(now_ms) - started))
    printf '%d.%d s\n' $((elapsed / 1000)) $((elapsed % 1000 / 100))
  else
    printf 'failed\n'
    tail -n 40 "$log" >&2
    fail "$title did not work; the end of its output is above"
  fi
}

# A policy-rc.d that answers 101 keeps maintainer scripts from starting services. An existing one comes back, also after
# an interrupt, and after a kill at the next run.
forbid_services() {
  if [ -e "$policy" ] || [ -L "$policy" ]; then mv "$policy" "$saved_policy"; fi
  printf '#!/bin/sh\n# brindle: removed when its packages are installed\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

restore_services() {
  if [ -f "$policy" ] && grep -q '^# brindle:' "$policy"; then rm -f "$policy"; fi
  if [ -e "$saved_policy" ] || [ -L "$saved_policy" ]; then mv "$saved_policy" "$policy"; fi
}

cleanup() {
  restore_services
  [ -z "$log" ] || rm -f "$log"
  [ -z "$borrowed" ] || rm -rf "$borrowed"
}

missing_packages() {
  # One query for all; a package that dpkg does not know is missing too.
  # shellcheck disable=SC2016,SC2086
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null | sed -n 's/^installed //p')
  for package in $packages; do
    echo "$installed" | grep -qx "$package" || printf '%s ' "$package"
  done
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt_install "$@" || { apt-get -o DPkg::Lock::Timeout=120 update && apt_install "$@"; } || return 1
  # Nor at the next boot. Only those of packages that were not there before.
  command -v systemctl >/dev/null || return 0
  for package in "$@"; do
    case $package in
      bird2) services=bird ;;
      etcd-server) services=etcd ;;
      frr | gobgpd | openbgpd | containerd) services=$package ;;
      pmacct) services="pmacctd nfacctd sfacctd uacctd" ;;
      podman) services="podman podman-restart podman-auto-update" ;;
      *) continue ;;
    esac
    for service in $services; do systemctl disable --quiet "$service.service" || true; done
  done
}

apt_install() {
  apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "$@"
}

# In a network namespace of its own, which goes with the process.
check_kernel() {
  unshare --net true 2>/dev/null || fail "this kernel or container does not allow network namespaces"
  # shellcheck disable=SC2016
  lacking=$(unshare --net --mount sh -c '
    mount -t tmpfs run /run || { echo "mount namespaces"; exit; }
    ip link add name veth0 type veth peer name veth1 || { echo "veth (CONFIG_VETH)"; exit; }
    ip link add name bridge0 type bridge || { echo "bridges (CONFIG_BRIDGE)"; exit; }
    ip -6 address add fd00::1/64 dev veth0 || { echo "IPv6"; exit; }
    ipset create s hash:net &&
      iptables -A FORWARD -m set --match-set s src -j DROP || { echo "ipset (CONFIG_IP_SET_HASH_NET, CONFIG_NETFILTER_XT_SET)"; exit; }
    for iptables in iptables ip6tables; do
      $iptables -A FORWARD -j DROP || { echo "$iptables (CONFIG_NFT_COMPAT)"; exit; }
      $iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT ||
        { echo "conntrack for $iptables (CONFIG_NETFILTER_XT_MATCH_CONNTRACK)"; exit; }
      $iptables -A FORWARD -m mark --mark 1 -m comment --comment x -j MARK --set-mark 2 ||
        { echo "marks for $iptables (CONFIG_NETFILTER_XT_MARK)"; exit; }
    done' 2>/dev/null)
  [ -z "$lacking" ] || fail "this kernel lacks $lacking, which the tests and the lab need"
}

# npm leaves out optional packages that do not fit the Node which runs it, in silence, and the native parts of our tools
# are such packages. So with an older Node, npm runs on the one that the tree pins.
install_node_modules() {
  if ! fits_node; then
    version=$(sed -n 's/^ *"node": "\([0-9][0-9.]*\)",*$/\1/p' package.json)
    borrowed=$(mktemp -d /tmp/brindle-node.XXXXXX)
    npm install --prefix "$borrowed" --no-save --no-audit --no-fund "node@$version" || return 1
    PATH=$borrowed/node_modules/.bin:$PATH
  fi
  npm ci --no-audit --no-fund && cksum package-lock.json >node_modules/.brindle-lock
}

fits_node() {
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 12) ? 0 : 1)'
}

# Named by its version, and moved into its place when it is whole.
exabgp_folder() {
  echo "${XDG_CACHE_HOME:-$HOME/.cache}/brindle/exabgp-$exabgp_version"
}

install_exabgp() {
  draft=$(exabgp_folder).$$
  mkdir -p "$(dirname "$draft")" && python3 -m venv "$draft" &&
    "$draft/bin/python3" -m pip install --quiet --disable-pip-version-check "exabgp==$exabgp_version" || {
    rm -rf "$draft"
    return 1
  }
  mv "$draft" "$(exabgp_folder)"
}

shim_is_current() {
  [ -x cni/shim/build/brindle ] || return 1
  [ -z "$(find cni/shim -path cni/shim/build -prune -o -type f -newer cni/shim/build/brindle -print)" ]
}

[ "$(uname -s)" = Linux ] || fail "this runs on Linux only: it builds network namespaces"
[ "$(id -u)" = 0 ] || fail "root is needed, to make network namespaces: run it with sudo or in a root shell"
command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "Debian or a relative of it is needed, to install: $packages"
trap cleanup EXIT
trap 'exit 130' HUP INT TERM
restore_services

missing=$(missing_packages)
if [ -n "$missing" ]; then
  forbid_services
  # shellcheck disable=SC2086
  step "Installing Debian packages: ${missing% }" install_packages $missing
  restore_services
fi
check_kernel
if [ "$(cksum package-lock.json)" != "$(cat node_modules/.brindle-lock 2>/dev/null)" ]; then
  step "Installing npm packages" install_node_modules
fi
# The tests alone speak with it.
if [ "${1:-}" = test ] && [ ! -d "$(exabgp_folder)" ]; then
  step "Installing ExaBGP from PyPI" install_exabgp
fi
if [ -f cni/shim/build.sh ] && ! shim_is_current; then
  step "Building the CNI executable" sh cni/shim/build.sh
fi
