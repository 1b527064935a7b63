import assert from "node:assert/strict";
import { formatSetElement, hostPrefix, type InterfaceElement, parseAddress } from "@brindle/net";
import { expect, it } from "vitest";
import { seededNumbers } from "../seededNumbers.ts";
import { EndList } from "./endList.ts";
import { type Members, memberChanges } from "./members.ts";

const interfaces = ["calia", "calib", "calic"];

function randomEnd(below: (n: number) => number): [string, InterfaceElement] {
  const address = parseAddress(`10.0.0.${below(12)}`) ?? assert.fail();
  const interfaceName = interfaces[below(interfaces.length)] ?? assert.fail();
  const element = { ...hostPrefix(address), interfaceName };
  return [formatSetElement(element), element];
}

it("has moments that stay what they were, also for who asks by interface, or for an element", () => {
  const below = seededNumbers(3);
  const list = new EndList();
  const now = new Map<string, InterfaceElement>();
  const moments: { readonly members: Members; readonly expected: ReadonlyMap<string, InterfaceElement> }[] = [];
  for (let step = 0; step < 400; step++) {
    const [text, element] = randomEnd(below);
    if (below(25) === 0) {
      now.clear();
      for (let count = below(30); count > 0; count--) now.set(...randomEnd(below));
      list.become(new Map(now));
    } else if (below(2) === 0) {
      list.add(text, element);
      now.set(text, element);
    } else {
      list.delete(text);
      now.delete(text);
    }
    if (below(10) === 0) moments.push({ members: list.snapshot(), expected: new Map(now) });
  }
  expect(moments.length).toBeGreaterThan(10);
  for (const { members, expected } of moments) {
    expect(new Map([...members.keys()].map((text) => [text, members.get(text)]))).toEqual(expected);
    expect(new Set(members.values())).toEqual(new Set(expected.values()));
    for (const name of interfaces) {
      const onLink = [...expected.values()].filter(({ interfaceName }) => interfaceName === name);
      expect(new Set(members.ofInterface?.(name))).toEqual(new Set(onLink));
    }
  }
  for (const [before, after] of moments.flatMap((one) => moments.map((other) => [one, other] as const))) {
    const { added, removed } = memberChanges(before.members, after.members);
    expect(new Set(added)).toEqual(new Set(after.expected.keys()).difference(new Set(before.expected.keys())));
    expect(new Set(removed)).toEqual(new Set(before.expected.keys()).difference(new Set(after.expected.keys())));
  }
});
