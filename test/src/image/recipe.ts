/** What the image holds and where: data alone. Paths are relative to the image's root, which is a merged `/usr`. */

import { textEntry } from "../oci/entries.ts";
import type { TarEntry } from "../oci/tar.ts";

/** Programs of Debian packages. The libraries that they are linked to follow from them. */
export const tools: readonly string[] = [
  "usr/sbin/xtables-nft-multi",
  "usr/sbin/xtables-legacy-multi",
  "usr/sbin/ipset",
  "usr/sbin/conntrack",
  "usr/bin/ip",
  "usr/sbin/bridge",
];

/** What iptables loads by name while it runs, so that no program is linked to it. */
export const toolExtensions = "usr/lib/*/xtables/*.so";

/** Mozilla's authorities, a file each; not what `/etc/ssl` of this machine holds, to which its operator may add. */
export const authorities = "usr/share/ca-certificates/mozilla/*.crt";
export const authoritiesBundle = "etc/ssl/certs/ca-certificates.crt";

export const nodePath = "usr/bin/node";
export const cniExecutablePath = "usr/lib/brindle/cni/brindle";
export const networkListPath = "usr/share/brindle/10-brindle.conflist";
export const sbomPath = "usr/share/brindle/sbom.cdx.json";
export const licensesPath = "usr/share/doc/brindle/licenses";

/**
 * The bundle's folder. Packages with files of their own look for them from where their code is, which in a bundle is
 * this folder: what stands in `packageFiles` is where each of them looks.
 */
export const bundlePath = "usr/lib/brindle/program/js";

/** Native files and data that packages read while they run: from a package's folder to the image. */
export function packageFiles(
  arch: string,
): readonly { package: string; file: string; path: string; native: boolean }[] {
  const prebuilt = `prebuilds/linux-${arch}/node.napi.node`;
  const proto = ["rpc", "kv", "auth"].map((name) => `proto/${name}.proto`);
  return [
    {
      package: `@koromix/koffi-linux-${arch}`,
      file: `linux_${arch}/koffi.node`,
      path: `usr/lib/brindle/build/koffi/linux_${arch}/koffi.node`,
      native: true,
    },
    { package: "netlink", file: prebuilt, path: `usr/lib/brindle/program/${prebuilt}`, native: true },
    ...proto.map((file) => ({ package: "etcd3", file, path: `usr/lib/brindle/program/${file}`, native: false })),
  ];
}

/** Entry points of the bundle, by the name of their file in it. Those of threads are where their starters look. */
export const bundleEntries = {
  brindle: "agent/src/main.ts",
  brindlectl: "cli/src/main.ts",
  speakerThread: "bgp/src/shell/speakerThread.ts",
  bfdThread: "bgp/src/shell/bfdThread.ts",
  pairThread: "agent/src/shell/wiring/pairThread.ts",
} as const;

/** What a person or a pod's `command` starts. A shebang by `env` would need `env`. */
export const launchers: readonly TarEntry[] = (["brindle", "brindlectl"] as const).map((name) =>
  textEntry(`usr/bin/${name}`, `#!/${nodePath}\nimport "/${bundlePath}/${name}.js";\n`, 0o755),
);

/** Folders, links and the few files that programs expect of any system. */
export const skeleton: readonly TarEntry[] = [
  ...["dev", "etc", "proc", "root", "run", "sys", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "var/lib"].map(
    (path): TarEntry => ({ kind: "directory", path, mode: 0o755 }),
  ),
  { kind: "directory", path: "tmp", mode: 0o1777 },
  ...["bin", "sbin", "lib", "lib64"].map((path): TarEntry => ({ kind: "symlink", path, target: `usr/${path}` })),
  textEntry("etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\n"),
  textEntry("etc/group", "root:x:0:\n"),
  textEntry("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];

/**
 * The names of iptables: by its backend, and plain for nf_tables, which is what a node without rules gets. The agent
 * calls those with the backend in their name.
 */
export const iptablesNames: readonly TarEntry[] = ["iptables", "ip6tables"].flatMap((family) =>
  ["", "-nft", "-legacy"].flatMap((backend) =>
    ["", "-save", "-restore"].map(
      (action): TarEntry => ({
        kind: "symlink",
        path: `usr/sbin/${family}${backend}${action}`,
        target: backend === "-legacy" ? "xtables-legacy-multi" : "xtables-nft-multi",
      }),
    ),
  ),
);
