import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { afterAll, describe, it } from "vitest";
import { openInstance } from "../../fixtures/instance.ts";
import { createNamespace } from "../../fixtures/namespace.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import { buildFabric } from "./build.ts";
import { type Fabric, labFabric } from "./fabric.ts";
import { holdMounts, machineAt } from "./machine.ts";
import { client, planFabric } from "./plan.ts";

describe("planFabric", () => {
  it("gives a dual-homed node two links, two gateways and a loopback address that its routers peer with", () => {
    const fabric: Fabric = {
      ...labFabric,
      racks: [{ number: 1, routers: ["tor-a", "tor-b"], nodes: ["node1"], nodeLoopbacks: true }],
    };
    const plan = planFabric(fabric);
    const node = plan.machines.find(({ name }) => name === "node1");
    assert.deepEqual(node?.loopback, ["172.31.1.11/32", "fd00:31:1::11/128"]);
    assert.equal(node?.routes[0], "default nexthop via 172.30.1.1 nexthop via 172.30.101.1");
    assert.deepEqual(
      plan.routers.flatMap(({ spec }) => spec.neighbors.filter(({ role }) => role === "node").map((n) => n.address)),
      ["172.31.1.11", "172.31.1.11"],
    );
  });

  it("joins a spine like any other router", () => {
    const spine: Fabric = {
      ...labFabric,
      routers: [...labFabric.routers, { name: "spine", daemon: "GoBGP", asn: 65100 }],
      cables: [...labFabric.cables, ["spine", "tor-a"]],
    };
    const plan = planFabric(spine);
    const torA = plan.routers.find(({ spec }) => spec.name === "tor-a");
    assert.deepEqual(
      torA?.spec.neighbors.filter(({ asn }) => asn === 65100).map(({ address }) => address),
      ["172.29.3.0", "fd00:29:3::"],
    );
  });
});

describe("the lab's fabric", async () => {
  const instance = await openInstance();
  afterAll(() => instance[Symbol.asyncDispose]());

  it("forwards between racks and the client, both families, by what real routers learned", async () => {
    const fabric = await buildFabric(planFabric(labFabric), instance);
    for (const name of ["tor-a", "tor-b"]) {
      await waitFor(
        async (saw) => {
          const up = (await fabric.router(name).sessions()).filter((session) => session.established).length;
          saw(await fabric.router(name).sessions());
          return up === 2;
        },
        { what: `${name} is Established with edge over both families` },
      );
    }
    for (const target of [client.ip, client.ip6, "172.30.2.11", "fd00:30:2::11"]) {
      await waitFor(
        async (saw) => {
          const answer = await fabric.machine("node1").run("ping", ["-c1", "-W1", target]);
          saw(answer.stdout);
          return answer.exitCode === 0;
        },
        { what: `node1 reaches ${target}` },
      );
    }
  });

  it("gives a node files of its own, in which namespaces made later appear", async () => {
    await using namespace = await createNamespace("files", { instance });
    const holder = await holdMounts(namespace, await instance.createDirectory("files"));
    const node = machineAt("files", namespace, holder.pid);
    await node.exec("touch", ["/run/mine", "/var/lib/mine"]);
    assert.equal(existsSync("/run/mine"), false);
    assert.equal(existsSync(node.outside("/var/lib/mine")), true);

    await using pod = await createNamespace("later", { instance });
    assert.match(await node.exec("nsenter", [`--net=${pod.path}`, "ip", "link", "show", "lo"]), /LOOPBACK/);
  });
});
