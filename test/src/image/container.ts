/** Runs what an image holds: its layers unpacked into a folder, which is the root of processes in a namespace. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { type CommandOptions, type Daemon, exec, type Outcome, run, startDaemon } from "../fixtures/command.ts";
import type { NamespaceView } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";

export interface ImageConfig {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
}

export interface UnpackedImage {
  readonly root: string;
  readonly config: ImageConfig;
}

/** As a runtime does it: one layer over the other, below `folder`. */
export async function unpackImage(archive: string, folder: string): Promise<UnpackedImage> {
  const [layout, root] = [join(folder, "layout"), join(folder, "root")];
  for (const path of [layout, root]) await mkdir(path, { recursive: true });
  await exec("tar", ["-xf", archive, "-C", layout]);
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const json = async (path: string) => JSON.parse(await readFile(path, "utf8"));
  const { manifests } = await json(join(layout, "index.json"));
  const manifest = await json(blob(manifests[0].digest));
  for (const { digest } of manifest.layers) {
    const plain = join(folder, "layer.tar");
    await writeFile(plain, zstdDecompressSync(await readFile(blob(digest))));
    await exec("tar", ["-xpf", plain, "-C", root]);
  }
  return { root, config: (await json(blob(manifest.config.digest))).config };
}

export interface Container {
  /** A path of the container as seen from here: what is mounted in it is nowhere else. */
  outside(path: string): string;
  run(command: string, args?: readonly string[], options?: CommandOptions): Promise<Outcome>;
  spawn(command: string, args?: readonly string[]): Daemon;
}

/**
 * The image's root with the mounts that a runtime makes, in `namespace`. The image's own Node holds it open, which would
 * keep its compiled code in there if it had this machine's environment.
 */
export async function startContainer({ root, config }: UnpackedImage, namespace: NamespaceView): Promise<Container> {
  const script = `
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount --rbind /dev "$0/dev"
mount -t tmpfs -o mode=755 run "$0/run"
exec env -i PATH="$PATH" chroot "$0" /usr/bin/node -e 'console.log("holding"); setInterval(() => {}, 1e9)'`;
  const holder = namespace.spawn("unshare", ["--mount", "--propagation", "private", "/bin/sh", "-ec", script, root]);
  await waitFor(
    () => {
      holder.assertRunning();
      return holder.output().includes("holding");
    },
    { what: "the container's root is mounted", intervalMs: 5 },
  );
  const enter = ["nsenter", `--target=${holder.pid}`, "--mount", "--net", "--root", "--wdns=/", "--"];
  // Nothing of this machine's environment: a container has what its image says.
  const inside = (command: string, args: readonly string[]): string[] => [
    ...["-i", ...config.Env],
    ...enter,
    command,
    ...args,
  ];
  return {
    outside: (path) => `/proc/${holder.pid}/root${path}`,
    run: (command, args = [], options) => run("env", inside(command, args), options),
    spawn: (command, args = []) => startDaemon("env", inside(command, args)),
  };
}
