import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { listMistakes, type NetworkTraces, traceMistakes } from "./otherNetworks.ts";

const own = "10-brindle.conflist";
const directory = "/etc/cni/net.d";

const lists: { name: string; files: readonly string[]; text: RegExp | null }[] = [
  { name: "nothing of an empty folder", files: [], text: null },
  { name: "nothing of our own", files: [own], text: null },
  {
    name: "nothing of what comes behind it",
    files: [own, "87-podman-bridge.conflist", "99-loopback.conf"],
    text: null,
  },
  { name: "nothing of what is no list", files: ["10-a.conflist.bak", "05-notes.txt", ".10-a.conflist"], text: null },
  {
    name: "one that comes before it, though ours is not there yet",
    files: ["05-cilium.conflist"],
    text: /^\/etc\/cni\/net\.d\/05-cilium\.conflist comes before 10-brindle\.conflist$/,
  },
  {
    name: "all of several forms, in the runtime's order",
    files: ["10-b.json", "00-a.conf", own],
    text: /00-a\.conf, \/etc\/cni\/net\.d\/10-b\.json come before/,
  },
];

describe("lists of networks beside ours", () => {
  for (const { name, files, text } of lists) {
    it(`are told of: ${name}`, () => {
      const found = listMistakes(files, { own, directory });
      assert.deepEqual(
        found.map(({ code }) => code),
        text ? ["OtherNetworkList"] : [],
      );
      if (text) assert.match(found[0]?.text ?? "", text);
    });
  }
});

const clean: NetworkTraces = {
  interfaces: ["lo", "eth0", "docker0", "cali0123456789a", "cni0"],
  routeProtocols: [],
  chains: ["INPUT", "FORWARD", "KUBE-SERVICES", "BRDL-fw", "DOCKER", "CNI-HOSTPORT-DNAT"],
};

const traces: { name: string; seen: Partial<NetworkTraces>; text: RegExp | null }[] = [
  { name: "nothing of ours, of Kubernetes' and of what comes with a machine", seen: {}, text: null },
  {
    name: "Felix's chains, by one of them",
    seen: { chains: ["cali-FORWARD", "cali-INPUT"] },
    text: /^there is of Calico the chain cali-FORWARD and 1 more$/,
  },
  { name: "Felix's routes", seen: { routeProtocols: [80] }, text: /of Calico routes of protocol 80/ },
  { name: "its VXLAN interface", seen: { interfaces: ["vxlan.calico"] }, text: /the interface vxlan\.calico/ },
  {
    name: "Flannel's",
    seen: { interfaces: ["flannel.1"], chains: ["FLANNEL-FWD"] },
    text: /of Flannel the interface flannel\.1, the chain FLANNEL-FWD/,
  },
  {
    name: "two of them",
    seen: { interfaces: ["cilium_host"], chains: ["KUBE-ROUTER-INPUT"] },
    text: /^there are of Cilium the interface cilium_host; of kube-router the chain KUBE-ROUTER-INPUT$/,
  },
];

describe("traces of other networks", () => {
  for (const { name, seen, text } of traces) {
    it(`are told of: ${name}`, () => {
      const found = traceMistakes({ ...clean, ...seen });
      assert.deepEqual(
        found.map(({ code }) => code),
        text ? ["OtherNetwork"] : [],
      );
      if (text) assert.match(found[0]?.text ?? "", text);
    });
  }
});
