import { describe, expect, it } from "vitest";
import { takesCapability } from "./chainedPlugins.ts";

const brindle = { type: "brindle" };
const limiting = { type: "bandwidth", capabilities: { bandwidth: true } };
const wanted = { network: "pods", capability: "bandwidth" };
const list = (name: string, plugins: readonly object[], network = "pods") => ({
  name,
  text: JSON.stringify({ name: network, plugins }),
});

describe("a list of networks", () => {
  const cases: readonly [string, Parameters<typeof takesCapability>[0], boolean | null][] = [
    ["that limits", [list("10-a.conflist", [brindle, limiting])], true],
    ["that does not", [list("10-a.conflist", [brindle, { type: "portmap" }])], false],
    ["whose limits are fixed", [list("10-a.conflist", [brindle, { type: "bandwidth", ingressRate: 1 }])], false],
    [
      "that declares it off",
      [list("1.conflist", [brindle, { ...limiting, capabilities: { bandwidth: false } }])],
      false,
    ],
    ["of Calico's", [list("10-a.conflist", [{ type: "calico" }, limiting])], true],
    [
      "in which only we do",
      [list("10-a.conflist", [{ ...brindle, capabilities: { bandwidth: true } }, { type: "portmap" }])],
      false,
    ],
    ["of another network", [list("10-a.conflist", [brindle, limiting], "others")], null],
    ["of another plugin", [list("10-a.conflist", [{ type: "bridge" }, limiting])], null],
    ["behind one that does not", [list("20.conflist", [brindle, limiting]), list("10.conflist", [brindle])], false],
    [
      "that is none",
      [
        { name: "10-a.conflist", text: "{" },
        { name: "20.conf", text: "null" },
      ],
      null,
    ],
    ["of one plugin", [{ name: "10-a.conf", text: JSON.stringify({ name: "pods", ...brindle }) }], false],
    ["that is not there", [], null],
  ];
  it.each(cases)("%s is known for it", (_name, files, answer) => {
    expect(takesCapability(files, wanted)).toBe(answer);
  });
});
