/** Changes to the kernel's network state as plain data: what a plan consists of, and what `RouteSocket.apply` takes. */
import { formatAddress } from "../address.ts";
import { formatPrefix } from "../prefix.ts";
import { addAddress, deleteAddress, type InterfaceAddress, replaceAddress } from "./interfaceAddress.ts";
import {
  createLink,
  deleteLink,
  deleteLinkGroup,
  type LinkReference,
  type LinkSettings,
  type NewLink,
  setLink,
} from "./link.ts";
import type { NetlinkRequest } from "./message.ts";
import {
  addNeighbour,
  deleteForwardingEntry,
  deleteNeighbour,
  type ForwardingEntry,
  type Neighbour,
  replaceForwardingEntry,
  replaceNeighbour,
} from "./neighbour.ts";
import { type NeighbourTable, setNeighbourTable } from "./neighbourTable.ts";
import type { NextHop } from "./nextHop.ts";
import { deleteQdisc, type NewQdisc, type Qdisc, replaceQdisc } from "./qdisc.ts";
import { addRedirect, deleteRedirect, type IngressFilter, type Redirect } from "./redirect.ts";
import { addRoute, deleteRoute, type NewRoute, replaceRoute } from "./route.ts";
import { addRule, deleteRule, type SourceRule } from "./rule.ts";

export type KernelChange =
  | { readonly op: "createLink"; readonly link: NewLink }
  | { readonly op: "setLink"; readonly link: LinkReference; readonly settings: LinkSettings }
  | { readonly op: "deleteLink"; readonly link: LinkReference }
  | { readonly op: "deleteLinkGroup"; readonly group: number }
  | { readonly op: "addAddress" | "replaceAddress" | "deleteAddress"; readonly address: InterfaceAddress }
  | { readonly op: "addRoute" | "replaceRoute" | "deleteRoute"; readonly route: NewRoute }
  | { readonly op: "addRule" | "deleteRule"; readonly rule: SourceRule }
  | { readonly op: "addNeighbour" | "replaceNeighbour" | "deleteNeighbour"; readonly neighbour: Neighbour }
  | { readonly op: "setNeighbourTable"; readonly table: NeighbourTable }
  | { readonly op: "replaceForwardingEntry" | "deleteForwardingEntry"; readonly entry: ForwardingEntry }
  | { readonly op: "replaceQdisc"; readonly qdisc: NewQdisc }
  | { readonly op: "deleteQdisc"; readonly qdisc: Pick<Qdisc, "interfaceIndex" | "isRoot"> }
  | { readonly op: "addRedirect"; readonly redirect: Redirect }
  | { readonly op: "deleteRedirect"; readonly filter: Pick<IngressFilter, "interfaceIndex" | "handle"> };

const addressOps = { addAddress, replaceAddress, deleteAddress } as const;
const routeOps = { addRoute, replaceRoute, deleteRoute } as const;
const ruleOps = { addRule, deleteRule } as const;
const neighbourOps = { addNeighbour, replaceNeighbour, deleteNeighbour } as const;
const forwardingOps = { replaceForwardingEntry, deleteForwardingEntry } as const;

export function encodeChange(change: KernelChange): NetlinkRequest {
  switch (change.op) {
    case "createLink":
      return createLink(change.link);
    case "setLink":
      return setLink(change.link, change.settings);
    case "deleteLink":
      return deleteLink(change.link);
    case "deleteLinkGroup":
      return deleteLinkGroup(change.group);
    case "addAddress":
    case "replaceAddress":
    case "deleteAddress":
      return addressOps[change.op](change.address);
    case "addRoute":
    case "replaceRoute":
    case "deleteRoute":
      return routeOps[change.op](change.route);
    case "addRule":
    case "deleteRule":
      return ruleOps[change.op](change.rule);
    case "addNeighbour":
    case "replaceNeighbour":
    case "deleteNeighbour":
      return neighbourOps[change.op](change.neighbour);
    case "setNeighbourTable":
      return setNeighbourTable(change.table);
    case "replaceForwardingEntry":
    case "deleteForwardingEntry":
      return forwardingOps[change.op](change.entry);
    case "replaceQdisc":
      return replaceQdisc(change.qdisc);
    case "deleteQdisc":
      return deleteQdisc(change.qdisc);
    case "addRedirect":
      return addRedirect(change.redirect);
    case "deleteRedirect":
      return deleteRedirect(change.filter);
  }
}

/** The change in words, for errors and logs: "replaceRoute 10.65.0.0/26 via 192.0.2.7 interface 3". */
export function describeChange(change: KernelChange): string {
  switch (change.op) {
    case "createLink":
      return `${change.op} ${change.link.kind} ${change.link.name}`;
    case "setLink":
    case "deleteLink":
      return `${change.op} ${"name" in change.link ? change.link.name : `interface ${change.link.index}`}`;
    case "deleteLinkGroup":
      return `${change.op} ${change.group}`;
    case "addAddress":
    case "replaceAddress":
    case "deleteAddress":
      return `${change.op} ${formatPrefix(change.address.address)} interface ${change.address.interfaceIndex}`;
    case "addRoute":
    case "replaceRoute":
    case "deleteRoute":
      return `${change.op} ${describeRoute(change.route)}`;
    case "addRule":
    case "deleteRule":
      return `${change.op} from ${formatPrefix(change.rule.source)} table ${change.rule.table}`;
    case "addNeighbour":
    case "replaceNeighbour":
    case "deleteNeighbour":
      return `${change.op} ${formatAddress(change.neighbour.address)} interface ${change.neighbour.interfaceIndex}`;
    case "setNeighbourTable":
      return `${change.op} IPv${change.table.family} interface ${change.table.interfaceIndex}`;
    case "replaceForwardingEntry":
    case "deleteForwardingEntry":
      return `${change.op} ${change.entry.mac} interface ${change.entry.interfaceIndex}`;
    case "replaceQdisc":
      return `${change.op} ${change.qdisc.kind} interface ${change.qdisc.interfaceIndex}`;
    case "deleteQdisc":
      return `${change.op} ${change.qdisc.isRoot ? "root" : "ingress"} interface ${change.qdisc.interfaceIndex}`;
    case "deleteRedirect":
      return `${change.op} of interface ${change.filter.interfaceIndex}`;
    case "addRedirect":
      return `${change.op} from interface ${change.redirect.interfaceIndex} to interface ${change.redirect.toIndex}`;
  }
}

function describeRoute({ destination, kind = "unicast", table, metric, nextHops = [] }: NewRoute): string {
  const words = [formatPrefix(destination), ...nextHops.map(describeNextHop)];
  if (kind !== "unicast") words.unshift(kind);
  if (metric) words.push(`metric ${metric}`);
  if (table !== undefined) words.push(`table ${table}`);
  return words.join(" ");
}

function describeNextHop({ gateway, interfaceIndex }: NextHop): string {
  const via = gateway ? [`via ${formatAddress(gateway)}`] : [];
  const dev = interfaceIndex ? [`interface ${interfaceIndex}`] : [];
  return [...via, ...dev].join(" ");
}
