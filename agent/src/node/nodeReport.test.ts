import assert from "node:assert/strict";
import type { MistakeStatus } from "@brindle/api";
import { describe, it } from "vitest";
import { type NodeNews, NodeReport, unavailableAfterMs } from "./nodeReport.ts";

const minuteMs = 60_000;

function mistake(code: string, text = "it is so", effect: MistakeStatus["effect"] = "unready"): MistakeStatus {
  return { code, part: "ipam", effect, text, remedy: "Do it.", sinceMs: 0 };
}

/** What is told at each moment. */
function told(
  moments: readonly { atMs: number; isReady?: boolean; mistakes?: readonly MistakeStatus[] }[],
): NodeNews[] {
  const report = new NodeReport();
  return moments.map(({ atMs, isReady = false, mistakes = [] }) => report.news({ isReady, mistakes, nowMs: atMs }));
}

const reasons = (news: readonly NodeNews[]) => news.map(({ events }) => events.map(({ reason }) => reason));
const conditions = (news: readonly NodeNews[]) =>
  news.map(({ condition }) => condition && `${condition.status} ${condition.reason}`);

describe("what Kubernetes is told of a node", () => {
  it("is nothing while the agent starts, and that it is up when it is", () => {
    const news = told([{ atMs: 0 }, { atMs: 100, isReady: true }]);
    assert.deepEqual(conditions(news), [null, "False BrindleIsUp"]);
    assert.deepEqual(reasons(news), [[], []]);
  });

  it("is an Event at once and the condition after a while, with what to do", () => {
    const mistakes = [mistake("PodCidrMissing", "no IPPool")];
    const news = told([
      { atMs: 0, mistakes },
      { atMs: unavailableAfterMs - 1, mistakes },
      { atMs: unavailableAfterMs, mistakes },
    ]);
    assert.deepEqual(reasons(news), [["PodCidrMissing"], [], []]);
    assert.equal(news[0]?.events[0]?.message, "no IPPool. Do it.");
    assert.equal(news[0]?.againAtMs, unavailableAfterMs);
    assert.deepEqual(conditions(news), [null, null, "True PodCidrMissing"]);
    assert.equal(news[2]?.condition?.message, "no IPPool. Do it.");
  });

  it("is that it is up again at once, by both", () => {
    const news = told([
      { atMs: 0, mistakes: [mistake("PodCidrMissing")] },
      { atMs: 20_000, mistakes: [mistake("PodCidrMissing")] },
      { atMs: 20_001, isReady: true },
      { atMs: 20_002, isReady: true },
    ]);
    assert.deepEqual(conditions(news), [null, "True PodCidrMissing", "False BrindleIsUp", "False BrindleIsUp"]);
    assert.deepEqual(reasons(news), [["PodCidrMissing"], [], ["BrindleIsUp"], []]);
  });

  it("does not flap with a part that comes and goes", () => {
    const moments = Array.from({ length: 100 }, (_, i) => ({
      atMs: i * 5_000,
      isReady: i % 2 === 1,
      mistakes: i % 2 === 1 ? [] : [mistake("RoutesFailing", `route ${i}`)],
    }));
    const news = told(moments);
    assert.deepEqual([...new Set(conditions(news))], [null, "False BrindleIsUp"]);
    const warnings = news.flatMap(({ events }) => events).filter(({ type }) => type === "Warning");
    assert(warnings.length <= 500_000 / minuteMs + 1, `${warnings.length} Events in 500 s`);
  });

  it("is told again before Kubernetes forgets it, and a new text at most once a minute", () => {
    const news = told([
      { atMs: 0, mistakes: [mistake("RoutesFailing", "a")] },
      { atMs: 1_000, mistakes: [mistake("RoutesFailing", "b")] },
      { atMs: minuteMs, mistakes: [mistake("RoutesFailing", "b")] },
      { atMs: 29 * minuteMs, mistakes: [mistake("RoutesFailing", "b")] },
      { atMs: 31 * minuteMs, mistakes: [mistake("RoutesFailing", "b")] },
    ]);
    assert.deepEqual(
      reasons(news).map((all) => all.length),
      [1, 0, 1, 0, 1],
    );
    assert.equal(news[1]?.againAtMs, unavailableAfterMs);
    assert.equal(news[3]?.againAtMs, 31 * minuteMs);
  });

  it("leaves the node in the schedule for what does not keep pods from their network", () => {
    const mistakes = [mistake("BgpPasswordMissing", "no Secret", "noticed")];
    const news = told([
      { atMs: 0, isReady: true, mistakes },
      { atMs: minuteMs, isReady: true, mistakes },
    ]);
    assert.deepEqual(conditions(news), ["False BrindleIsUp", "False BrindleIsUp"]);
    assert.deepEqual(reasons(news)[0], ["BgpPasswordMissing"]);
  });

  it("is never longer than an Event may be", () => {
    const [first] = told([{ atMs: 0, mistakes: [mistake("RoutesFailing", "x".repeat(5_000))] }]);
    assert.equal(first?.events[0]?.message.length, 1_024);
  });
});
