/** podman with CNI, in the files and the network of a node of ours. */
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../fixtures/command.ts";
import type { Registry } from "../fixtures/instance.ts";
import type { Machine } from "../lab/topology/machine.ts";

const executable = fileURLToPath(new URL("../../../cni/shim/build/brindle", import.meta.url));
const networkList = fileURLToPath(new URL("../../../manifests/10-brindle.conflist", import.meta.url));
export const network = "k8s-pod-network";

export interface Podman {
  run(...args: readonly string[]): Promise<Outcome>;
  /** Starts a container that sleeps: it has the machine's programs, and files of its own. */
  start(name: string, options?: readonly string[]): Promise<Outcome>;
}

export async function openPodman(machine: Machine, registry: Registry): Promise<Podman> {
  const folder = await registry.createDirectory("podman");
  for (const name of ["bin", "net.d", "rootfs"]) await mkdir(join(folder, name));
  await copyFile(executable, join(folder, "bin/brindle"));
  for (const name of ["portmap", "loopback"]) await symlink(`/usr/lib/cni/${name}`, join(folder, "bin", name));
  await copyFile(networkList, join(folder, "net.d/10-brindle.conflist"));
  for (const name of ["usr", "proc", "sys", "dev", "etc", "run", "tmp"]) await mkdir(join(folder, "rootfs", name));
  for (const name of ["bin", "sbin", "lib", "lib64"]) await symlink(`usr/${name}`, join(folder, "rootfs", name));
  const configuration = join(folder, "containers.conf");
  await writeFile(
    configuration,
    `[network]
network_backend = "cni"
cni_plugin_dirs = ["${folder}/bin"]
network_config_dir = "${folder}/net.d"
default_network = "${network}"
[containers]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
`,
  );
  // crun wants to see control groups of some kind, though its containers are in none.
  await machine.exec("mount", ["-t", "tmpfs", "cgroup", "/sys/fs/cgroup"]);
  const env = { CONTAINERS_CONF: configuration };
  const places = ["--root", "/var/lib/podman", "--runroot", "/run/podman", "--storage-driver", "vfs"];
  const run: Podman["run"] = (...args) => machine.run("podman", [...places, ...args], { env, deadlineMs: 90_000 });
  const sleeper = [
    ...[
      "--detach",
      "--cgroups=disabled",
      "--ulimit=nofile=512:512",
      "--ulimit=nproc=512:512",
      "--cap-add=NET_RAW",
      "--security-opt=seccomp=unconfined",
      "--no-hosts",
    ],
    ...["--network", network, "--volume", "/usr:/usr:ro"],
  ];
  const sleep = ["--rootfs", join(folder, "rootfs"), "/bin/sleep", "infinity"];
  return { run, start: (name, options = []) => run("run", "--name", name, ...sleeper, ...options, ...sleep) };
}
