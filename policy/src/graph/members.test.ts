import { describe, expect, it } from "vitest";
import { CountedMembers } from "./countedMembers.ts";
import { MemberList, type Members, memberChanges } from "./members.ts";
import { textChanges } from "./textChanges.ts";

/** Numbers from 0 up to a bound, the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
}

const text = (number: number): string => `10.0.0.${number}/32`;
const textsIn = (members: Members): string[] => [...members.keys()].sort();

describe("the moments of a list of members", () => {
  it("stay what they were, whatever comes later and in whichever order they are asked", () => {
    const next = numbers(1);
    const list = new MemberList();
    const now = new Set<string>();
    const moments: { readonly members: Members; readonly expected: readonly string[] }[] = [];
    for (let step = 0; step < 700; step++) {
      const one = text(next(40));
      if (next(2) === 0) {
        list.add(one);
        now.add(one);
      } else {
        list.delete(one);
        now.delete(one);
      }
      if (next(10) === 0) moments.push({ members: list.snapshot(), expected: [...now].sort() });
      if (moments.length > 0 && next(20) === 0) moments.splice(next(moments.length), 1);
      const asked = moments[next(moments.length || 1)];
      if (asked && next(3) === 0) expect(textsIn(asked.members)).toEqual(asked.expected);
    }
    expect(moments.length).toBeGreaterThan(10);
    for (const { members, expected } of moments) {
      expect(textsIn(members)).toEqual(expected);
      expect(members.size).toBe(expected.length);
      expect([...members.values()]).toHaveLength(expected.length);
    }
    for (const before of moments) {
      for (const after of moments) {
        const { added, removed } = memberChanges(before.members, after.members);
        expect([...added].sort()).toEqual(after.expected.filter((one) => !before.expected.includes(one)));
        expect([...removed].sort()).toEqual(before.expected.filter((one) => !after.expected.includes(one)));
      }
    }
  });

  it("are one as long as nothing is other than it was", () => {
    const list = new MemberList();
    list.add(text(1));
    const first = list.snapshot();
    list.add(text(2));
    list.delete(text(2));
    list.add(text(1));
    expect(list.snapshot()).toBe(first);
    list.add(text(2));
    expect(list.snapshot()).not.toBe(first);
  });

  it("are compared with members from elsewhere, too", () => {
    const list = new MemberList();
    for (const number of [1, 2]) list.add(text(number));
    const read = new Map([2, 3].map((number) => [text(number), list.snapshot().get(text(2))] as const));
    const elsewhere = read as unknown as Members;
    expect(memberChanges(elsewhere, list.snapshot())).toEqual({ added: [text(1)], removed: [text(3)] });
    expect(memberChanges(list.snapshot(), elsewhere)).toEqual({ added: [text(3)], removed: [text(1)] });
  });
});

describe("counted members", () => {
  it("stay until the last who contributes them is gone", () => {
    const members = new CountedMembers();
    const list = new MemberList();
    for (const number of [1, 2]) list.add(text(number));
    const before = list.snapshot();
    members.replace(null, text(1));
    members.replace(null, [text(1), text(1), text(3)]);
    members.replace(null, before);
    expect(textsIn(members.snapshot())).toEqual([1, 2, 3].map(text));
    list.delete(text(1));
    members.replace(before, list.snapshot());
    members.replace([text(1), text(1), text(3)], text(3));
    expect(textsIn(members.snapshot())).toEqual([1, 2, 3].map(text));
    members.replace(text(1), null);
    expect(textsIn(members.snapshot())).toEqual([2, 3].map(text));
    members.replace(list.snapshot(), [text(4)]);
    expect(textsIn(members.snapshot())).toEqual([3, 4].map(text));
  });
});

describe("what two lists of texts do not have in common", () => {
  it("is the same as by counting, for lists that differ here and there, moved, doubled and shuffled", () => {
    const next = numbers(7);
    for (let round = 0; round < 300; round++) {
      const before = Array.from({ length: next(120) }, () => text(next(100)));
      const after = [...before];
      for (let edit = next(8); edit > 0; edit--) {
        const at = next(after.length + 1);
        const kind = next(4);
        if (kind === 0) after.splice(at, next(50));
        else if (kind === 1) after.splice(at, 0, ...Array.from({ length: next(50) }, () => text(next(100))));
        else if (kind === 2) after.push(...after.splice(0, at));
        else after.splice(at, 1, text(next(100)));
      }
      const { added, removed } = textChanges(before, after);
      const count = (texts: readonly string[], one: string): number => texts.filter((each) => each === one).length;
      for (const one of new Set([...before, ...after])) {
        const more = count(after, one) - count(before, one);
        expect([count(added, one), count(removed, one)]).toEqual([Math.max(0, more), Math.max(0, -more)]);
      }
    }
  });
});
