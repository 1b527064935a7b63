/** The daemon's YAML as settings, or all that is wrong with it, each with its place: `peers[3].holdTime: "4" is no duration`. */
import { LineCounter, parseDocument } from "yaml";
import type * as z from "zod";
import { checkRules } from "../filter/check.ts";
import { nearest } from "./nearest.ts";
import { checkOwnFields, checkPeerRules, checkTogether } from "./peerRules.ts";
import { type DaemonSettings, daemonSettings, type PeerSettings } from "./settings.ts";
import { shown } from "./shown.ts";

export type ReadSettings =
  | { readonly kind: "settings"; readonly settings: DaemonSettings }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** In the settings each peer has the fields of its template. */
export function readSettings(text: string): ReadSettings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return problems(
      document.errors.map(({ code, message, pos }) => {
        const { line, col } = lines.linePos(pos[0]);
        return `line ${line}, column ${col}: ${code === "MULTIPLE_DOCS" ? "a second document begins here" : message}`;
      }),
    );
  }
  if (document.contents === null) return problems(["is empty: asNumber and routerID are needed"]);
  const parsed = daemonSettings.schema.safeParse(document.toJS());
  if (!parsed.success) return problems(parsed.error.issues.flatMap((issue) => problemsOf(issue)));
  const found: string[] = [];
  const report = (field: string, reason: string): void => void found.push(`${field}: ${reason}`);
  const settings = withTemplates(parsed.data, report);
  checkTemplates(parsed.data, report);
  checkFilterSettings(settings, report);
  for (const [i, merged] of (settings.peers ?? []).entries()) {
    checkPeer(`peers[${i}]`, merged, { settings, report });
    checkOwnFields(`peers[${i}]`, { own: parsed.data.peers?.[i] ?? merged, merged }, report);
  }
  if (settings.domainName !== undefined && settings.hostName === undefined) {
    report("domainName", "is told with hostName alone, which is missing");
  }
  checkListen(settings, report);
  checkUnique(settings, report);
  return found.length > 0 ? problems(found) : { kind: "settings", settings };
}

export function peerName({ name, peerIP, range, interface: device }: PeerSettings): string {
  return name ?? peerIP?.address ?? range ?? device ?? "";
}

type Report = (field: string, reason: string) => void;

function problems(list: readonly string[]): ReadSettings {
  return { kind: "problems", problems: list };
}

function problemsOf(issue: z.core.$ZodIssue): string[] {
  const at = pathText(issue.path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownField(issue.path, key));
  return [at === "" ? issue.message : `${at}: ${issue.message}`];
}

function unknownField(path: readonly PropertyKey[], key: string): string {
  const meant = nearest(key, knownNames);
  return `${pathText([...path, key])}: is no known field${meant === null ? "" : `; did you mean ${meant}?`}`;
}

/** The names of all fields anywhere: a field that stands at the wrong place is rarely one that nobody has. */
const knownNames: readonly string[] = namesIn(daemonSettings.schema);

function namesIn(schema: unknown): string[] {
  const { def, shape } = schema as { def?: Record<string, unknown>; shape?: Record<string, unknown> };
  if (shape) return Object.entries(shape).flatMap(([name, member]) => [name, ...namesIn(member)]);
  const inner = def?.innerType ?? def?.element ?? def?.valueType;
  return inner === undefined ? [] : namesIn(inner);
}

/** `peers[3].holdTime`. */
function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? String(step) : `${text}.${String(step)}`;
  }, "");
}

function withTemplates(settings: DaemonSettings, report: Report): DaemonSettings {
  const { templates = {}, peers } = settings;
  if (!peers) return settings;
  const filled = peers.map((peer, i): PeerSettings => {
    if (peer.template === undefined) return peer;
    const template = Object.hasOwn(templates, peer.template) ? templates[peer.template] : undefined;
    if (template) return { ...template, ...peer };
    report(
      `peers[${i}].template`,
      `${shown(peer.template)} is no template${hint(peer.template, Object.keys(templates))}`,
    );
    return peer;
  });
  return { ...settings, peers: filled };
}

function hint(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  if (meant !== null) return `; did you mean ${meant}?`;
  return known.length === 0 ? "; there are none" : `; there are ${known.join(", ")}`;
}

const ofOnePeer = ["name", "template", "peerIP", "range", "interface"] as const;

function checkTemplates({ templates = {} }: DaemonSettings, report: Report): void {
  for (const [name, template] of Object.entries(templates)) {
    for (const field of ofOnePeer) {
      if (template[field] !== undefined) report(`templates.${name}.${field}`, "belongs to one peer, not to a template");
    }
    checkTogether(`templates.${name}`, template, report);
  }
}

function checkFilterSettings({ filters = {} }: DaemonSettings, report: Report): void {
  for (const [name, filter] of Object.entries(filters)) {
    for (const direction of ["importV4", "exportV4", "importV6", "exportV6"] as const) {
      const family = direction.endsWith("4") ? 4 : 6;
      const rules = filter[direction] ?? [];
      checkRules(`filters.${name}.${direction}`, rules, { family, report });
      for (const [i, { prefixLength: { min = 0, max = min } = {} }] of rules.entries()) {
        const field = `filters.${name}.${direction}[${i}].prefixLength`;
        if (min > max) report(field, `${min} to ${max} is no range of lengths`);
      }
    }
  }
}

interface Context {
  readonly settings: DaemonSettings;
  readonly report: Report;
}

function checkPeer(field: string, peer: PeerSettings, { settings, report }: Context): void {
  const places = (["peerIP", "range", "interface"] as const).filter((place) => peer[place] !== undefined);
  if (places.length === 0) report(`${field}.peerIP`, "is missing, and so are range and interface");
  if (places.length > 1) report(`${field}.${places[1]}`, `cannot be given together with ${places[0]}`);
  if (peer.range !== undefined && peer.passive === false) report(`${field}.passive`, "peers of a range always dial");
  if (peer.peerLimit !== undefined && peer.range === undefined) report(`${field}.peerLimit`, "is for a range");
  if (peer.asNumber === undefined) report(`${field}.asNumber`, "is missing, here and in the template");
  if (peer.name === "local") report(`${field}.name`, '"local" is what our own routes are called');
  const filters = Object.keys(settings.filters ?? {});
  for (const [i, name] of (peer.filters ?? []).entries()) {
    if (!filters.includes(name)) report(`${field}.filters[${i}]`, `${shown(name)} is no filter${hint(name, filters)}`);
  }
  if (peer.strictRole && peer.role === undefined) report(`${field}.strictRole`, "needs a role beside it");
  if (peer.bfd?.multihop && peer.interface !== undefined) {
    report(`${field}.bfd.multihop`, "a peer by interface is on its link");
  }
  const hold = peer.holdTime ?? 90;
  if (peer.sendHoldTime !== undefined && peer.sendHoldTime <= hold) {
    report(`${field}.sendHoldTime`, `${shown(`${peer.sendHoldTime}s`)} is no longer than the hold time, ${hold}s`);
  }
  const { localAddress, peerIP } = peer;
  if (localAddress !== undefined && peerIP && localAddress.includes(":") !== peerIP.address.includes(":")) {
    report(`${field}.localAddress`, `${shown(localAddress)} is not of the family of ${peerIP.address}`);
  }
  checkPeerRules(field, peer, settings.asNumber, report);
}

/** Told once: there may be a thousand such peers. Of those that are shut down nobody dials. */
function checkListen({ listen = [], peers = [] }: DaemonSettings, report: Report): void {
  const waits = peers.findIndex(
    ({ range, passive, shutdown }) => shutdown === undefined && (range !== undefined || passive),
  );
  if (waits !== -1 && listen.length === 0) report("listen", `is missing, and peers[${waits}] is to dial us`);
}

function checkUnique({ peers = [], listen = [], originate = [] }: DaemonSettings, report: Report): void {
  checkTwice(
    "listen",
    listen.map(({ address, port = 179 }) => `${address} port ${port}`),
    report,
  );
  checkTwice(
    "originate",
    originate.map((own) => (typeof own === "string" ? own : own.prefix)),
    report,
  );
  checkTwice(
    "peers",
    peers.map(({ range }) => range),
    report,
  );
  const [names, addresses] = [new Map<string, number>(), new Map<string, number>()];
  for (const [i, peer] of peers.entries()) {
    const other = peer.peerIP && addresses.get(peer.peerIP.address);
    if (other !== undefined)
      report(`peers[${i}].peerIP`, `${shown(peer.peerIP?.address)} is that of peers[${other}], too`);
    const namesake = names.get(peerName(peer));
    if (namesake !== undefined && other === undefined) {
      report(`peers[${i}].name`, `${shown(peerName(peer))} is that of peers[${namesake}], too`);
    }
    if (peer.peerIP) addresses.set(peer.peerIP.address, i);
    names.set(peerName(peer), i);
  }
}

/** The same thing at two places of a list. */
function checkTwice(field: string, names: readonly (string | undefined)[], report: Report): void {
  const places = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    if (name === undefined) continue;
    const other = places.get(name);
    if (other === undefined) places.set(name, i);
    else report(`${field}[${i}]`, `${shown(name)} is that of ${field}[${other}], too`);
  }
}
