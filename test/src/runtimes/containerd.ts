/** Debian's containerd, or a newer one, in the files and the network of a node of ours, and what a kubelet asks of it. */
import { randomUUID } from "node:crypto";
import { chmod, copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Daemon, exec } from "../fixtures/command.ts";
import type { Registry } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "../lab/topology/machine.ts";
import { writeImage } from "../oci/archive.ts";
import { fileEntry } from "../oci/entries.ts";
import type { TarEntry } from "../oci/tar.ts";
import { callRuntime } from "./cri.ts";
import { type Field, type Message, messagesIn, numberIn, textIn } from "./protobuf.ts";

const executable = fileURLToPath(new URL("../../../cni/shim/build/brindle", import.meta.url));
const networkList = fileURLToPath(new URL("../../../manifests/10-brindle.conflist", import.meta.url));
const pauseSource = fileURLToPath(new URL("../../kubeadm/pause.c", import.meta.url));
const image = "localhost/sleeper:1";
const socket = "/run/containerd/containerd.sock";

export interface PodWish {
  readonly name: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Ports of the node, by those of the pod. */
  readonly hostPorts?: Readonly<Record<number, number>>;
}

/** A sandbox, and in it a container that sleeps; it has the machine's programs. */
export interface PodOfContainerd {
  readonly sandbox: string;
  readonly container: string;
  readonly addresses: readonly string[];
}

export interface ContainerdOptions {
  /** The root of a Debian that has another containerd, and its reference plugins in /opt/cni/bin; the machine's own when left out. */
  readonly root?: string;
  /** Of our list, in place of what it says. */
  readonly cniVersion?: string;
}

export interface Containerd {
  /** What the runtime tells a kubelet of the network: ready where it has a list, and by CNI 1.1 where STATUS says so. */
  network(): Promise<{ readonly isReady: boolean; readonly message: string }>;
  runPod(wish: PodWish): Promise<PodOfContainerd>;
  exec(
    pod: PodOfContainerd,
    ...command: readonly string[]
  ): Promise<{ readonly exitCode: number; readonly output: string }>;
  removePod(sandbox: string): Promise<void>;
  /** The sandboxes that are ready, with what each says its addresses are. */
  sandboxes(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** As by a crash; pods go on. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export async function openContainerd(
  machine: Machine,
  registry: Registry,
  { root = "", cniVersion }: ContainerdOptions = {},
): Promise<Containerd> {
  const folder = await registry.createDirectory("containerd");
  await writeFiles(folder, { plugins: root === "" ? "/usr/lib/cni" : join(root, "opt/cni/bin"), cniVersion });
  const program = (name: string) => join(root, "/usr/bin", name);
  // crun wants to see control groups of some kind.
  await machine.exec("mount", ["-t", "tmpfs", "cgroup", "/sys/fs/cgroup"]);
  const call: Call = (method, fields = []) => callRuntime(machine.outside(socket), method, fields);
  let daemon: Daemon | null = null;
  const containerd: Containerd = {
    ...requests(call),
    async kill() {
      daemon?.kill("SIGKILL");
      await daemon?.exited;
    },
    async start() {
      const started = machine.spawn(program("containerd"), [
        "--config",
        join(folder, "config.toml"),
        "--log-level",
        "warn",
      ]);
      daemon = started;
      await waitFor(() => answers(started, call), { what: "containerd answers", deadlineMs: 30_000 });
    },
  };
  await containerd.start();
  await machine.exec(program("ctr"), ["-n", "k8s.io", "images", "import", join(folder, "sleeper.tar")]);
  return containerd;
}

type Call = (method: string, fields?: readonly Field[]) => Promise<Message>;

async function answers(daemon: Daemon, call: Call): Promise<boolean> {
  daemon.assertRunning();
  return call("Version").then(
    () => true,
    () => false,
  );
}

/** What a kubelet asks. */
function requests(call: Call): Omit<Containerd, "kill" | "start"> {
  const addressesOf = async (sandbox: string): Promise<string[]> => {
    const [status = new Map()] = messagesIn(await call("PodSandboxStatus", [[1, sandbox]]), 1);
    const [network = new Map()] = messagesIn(status, 5);
    const further = messagesIn(network, 2).map((each) => textIn(each, 1));
    return [textIn(network, 1), ...further].filter((address) => address !== "");
  };
  return {
    async network() {
      const [status = new Map()] = messagesIn(await call("Status"), 1);
      const network = messagesIn(status, 1).find((condition) => textIn(condition, 1) === "NetworkReady");
      return {
        isReady: network !== undefined && numberIn(network, 2) === 1,
        message: network ? textIn(network, 4) : "",
      };
    },
    async runPod(wish) {
      const config = sandboxConfig(wish);
      const sandbox = textIn(await call("RunPodSandbox", [[1, config]]), 1);
      const wanted: Field[] = [
        [1, sandbox],
        [2, containerConfig],
        [3, config],
      ];
      const container = textIn(await call("CreateContainer", wanted), 1);
      await call("StartContainer", [[1, container]]);
      return { sandbox, container, addresses: await addressesOf(sandbox) };
    },
    async exec({ container }, ...command) {
      const answer = await call("ExecSync", [[1, container], ...command.map((word): Field => [2, word]), [3, 20]]);
      return { exitCode: numberIn(answer, 3), output: `${textIn(answer, 1)}${textIn(answer, 2)}` };
    },
    async removePod(sandbox) {
      await call("StopPodSandbox", [[1, sandbox]]);
      await call("RemovePodSandbox", [[1, sandbox]]);
    },
    async sandboxes() {
      const all = messagesIn(await call("ListPodSandbox"), 1);
      const ready = all.filter((each) => numberIn(each, 3) === 0).map((each) => textIn(each, 1));
      return new Map(await Promise.all(ready.map(async (id) => [id, await addressesOf(id)] as const)));
    },
  };
}

async function writeFiles(
  folder: string,
  { plugins, cniVersion }: { readonly plugins: string; readonly cniVersion: string | undefined },
): Promise<void> {
  for (const name of ["bin", "net.d"]) await mkdir(join(folder, name));
  await copyFile(executable, join(folder, "bin/brindle"));
  for (const name of ["portmap", "loopback"]) await symlink(join(plugins, name), join(folder, "bin", name));
  const list = JSON.parse(await readFile(networkList, "utf8"));
  const said = JSON.stringify(cniVersion === undefined ? list : { ...list, cniVersion });
  await writeFile(join(folder, "net.d/10-brindle.conflist"), said);
  // The nodes of a lab have no control groups of their own.
  const crun = join(folder, "crun");
  await writeFile(crun, runtime);
  await chmod(crun, 0o755);
  await writeFile(join(folder, "config.toml"), configurationOf(folder));
  const pause = join(folder, "pause");
  await exec("gcc", ["-Os", "-s", "-static", "-o", pause, pauseSource]);
  const links = ["bin", "sbin", "lib", "lib64"].map(
    (path): TarEntry => ({ kind: "symlink", path, target: `usr/${path}` }),
  );
  const folders = ["usr", "tmp", "run"].map((path): TarEntry => ({ kind: "directory", path, mode: 0o755 }));
  const layers = [[await fileEntry(pause, "pause"), ...links, ...folders]];
  await writeImage({ name: image, layers, entrypoint: ["/pause"] }, join(folder, "sleeper.tar"));
}

/** A newer containerd says a version of the runtime's configuration that crun does not know, and means nothing new by it. */
const runtime = `#!/bin/sh
for word; do
  [ "$before" = --bundle ] && sed -i 's/"ociVersion":"1[^"]*"/"ociVersion":"1.0.2"/' "$word/config.json"
  before=$word
done
exec /usr/bin/crun --cgroup-manager=disabled "$@"
`;

/** A node of a lab is no machine: no control groups, no AppArmor, and plain copies in place of overlays. */
function configurationOf(folder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "${socket}"
[${cri}]
sandbox_image = "${image}"
disable_cgroup = true
disable_apparmor = true
restrict_oom_score_adj = true
[${cri}.containerd]
snapshotter = "native"
[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
BinaryName = "${folder}/crun"
[${cri}.cni]
bin_dir = "${folder}/bin"
conf_dir = "${folder}/net.d"
`;
}

/** Numbers are those of the fields in the interface's `api.proto`. */
function sandboxConfig({ name, annotations = {}, hostPorts = {} }: PodWish): readonly Field[] {
  const metadata: Field[] = [
    [1, name],
    [2, randomUUID()],
    [3, "default"],
  ];
  const mappings = Object.entries(hostPorts).map(
    ([port, hostPort]): Field => [
      5,
      [
        [2, Number(port)],
        [3, hostPort],
      ],
    ],
  );
  const notes = Object.entries(annotations).map(
    ([key, value]): Field => [
      7,
      [
        [1, key],
        [2, value],
      ],
    ],
  );
  return [[1, metadata], [2, name], ...mappings, ...notes, [8, []]];
}

const containerConfig: readonly Field[] = [
  [1, [[1, "main"]]],
  [2, [[1, image]]],
  // The machine's programs, and not to be written to.
  [
    7,
    [
      [1, "/usr"],
      [2, "/usr"],
      [3, 1],
    ],
  ],
  // Of the capabilities, to send pings.
  [15, [[2, [[1, [[1, "CAP_NET_RAW"]]]]]]],
];
