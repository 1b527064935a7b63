/**
 * The well-known recipes of Kubernetes network policies, which operators copy from, and the connections that each talks
 * about: what the policy alone allows and forbids. They are not part of this repository (fixtures/recordings.ts); one of
 * our own is, which has what they have.
 */
import type { Labels } from "@brindle/api";

export type RecipeNamespace = "default" | "other" | "kube-system";

/** Beside those that Kubernetes gives them. */
export const namespaceLabels: Readonly<Record<RecipeNamespace, Labels>> = {
  default: {},
  other: { team: "operations" },
  "kube-system": {},
};

/** From the client to the server, each in a namespace and with labels; `null` is someone outside the cluster. */
export interface Connection {
  readonly from: Peer | null;
  readonly to: Peer | null;
  /** 80 where none is said. */
  readonly port?: number;
  /** TCP where none is said. */
  readonly protocol?: number;
  readonly allowed: boolean;
}

export interface Peer {
  readonly namespace: RecipeNamespace;
  readonly labels: Labels;
}

const pod = (labels: Labels, namespace: RecipeNamespace = "default"): Peer => ({ labels, namespace });
const stranger = pod({ app: "stranger" });
const web = pod({ app: "web" });
const foo = pod({ app: "foo" });
const apiServer = pod({ app: "apiserver" });
const api = pod({ app: "bookstore", role: "api" });
const database = pod({ app: "bookstore", role: "db" });
const dns = pod({ "k8s-app": "kube-dns" }, "kube-system");

export const recipes: readonly { readonly file: string; readonly connections: readonly Connection[] }[] = [
  {
    file: "01-deny-all-traffic-to-an-application-0.yaml",
    connections: [
      { from: stranger, to: web, allowed: false },
      { from: null, to: web, allowed: false },
      { from: web, to: stranger, allowed: true },
    ],
  },
  {
    file: "02-limit-traffic-to-an-application-0.yaml",
    connections: [
      { from: pod({ app: "bookstore", role: "frontend" }), to: api, allowed: true },
      { from: pod({ app: "bookstore" }, "other"), to: api, allowed: false },
      { from: stranger, to: api, allowed: false },
    ],
  },
  {
    file: "02a-allow-all-traffic-to-an-application-0.yaml",
    connections: [
      { from: stranger, to: web, allowed: true },
      { from: null, to: web, allowed: true },
    ],
  },
  {
    file: "03-deny-all-non-whitelisted-traffic-in-the-namespace-0.yaml",
    connections: [
      { from: stranger, to: web, allowed: false },
      { from: stranger, to: pod({ app: "web" }, "other"), allowed: true },
    ],
  },
  {
    file: "07-allow-traffic-from-some-pods-in-another-namespace-0.yaml",
    connections: [
      { from: pod({ type: "monitoring" }, "other"), to: web, allowed: true },
      { from: pod({ type: "other" }, "other"), to: web, allowed: false },
      { from: pod({ type: "monitoring" }), to: web, allowed: false },
    ],
  },
  {
    file: "09-allow-traffic-only-to-a-port-0.yaml",
    connections: [
      { from: pod({ role: "monitoring" }), to: apiServer, port: 5000, allowed: true },
      { from: pod({ role: "monitoring" }), to: apiServer, port: 8000, allowed: false },
      { from: stranger, to: apiServer, port: 5000, allowed: false },
    ],
  },
  {
    file: "10-allowing-traffic-with-multiple-selectors-0.yaml",
    connections: [
      { from: pod({ app: "inventory", role: "web" }), to: database, allowed: true },
      { from: api, to: database, allowed: true },
      { from: pod({ app: "inventory", role: "api" }), to: database, allowed: false },
    ],
  },
  {
    file: "11-deny-egress-traffic-from-an-application-0.yaml",
    connections: [
      { from: foo, to: web, allowed: false },
      { from: foo, to: null, allowed: false },
      { from: web, to: foo, allowed: true },
    ],
  },
  {
    file: "12-deny-all-non-whitelisted-traffic-from-the-namespace-0.yaml",
    connections: [
      { from: web, to: null, allowed: false },
      { from: pod({ app: "web" }, "other"), to: web, allowed: true },
    ],
  },
  {
    file: "14-deny-external-egress-traffic-0.yaml",
    connections: [
      { from: foo, to: dns, port: 53, protocol: 17, allowed: true },
      { from: foo, to: dns, port: 53, allowed: true },
      { from: foo, to: dns, port: 80, allowed: false },
      { from: foo, to: pod({ "k8s-app": "kube-dns" }), port: 53, protocol: 17, allowed: false },
      { from: foo, to: null, port: 53, protocol: 17, allowed: false },
    ],
  },
];

export const ownRecipe: string = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: api, namespace: default }
spec:
  podSelector: { matchLabels: { role: api } }
  policyTypes: [Ingress, Egress]
  ingress:
    - from:
        - podSelector: { matchLabels: { app: web } }
        - namespaceSelector: { matchLabels: { team: operations } }
      ports: [{ port: 443 }]
  egress:
    - to: [{ namespaceSelector: {}, podSelector: { matchLabels: { k8s-app: kube-dns } } }]
      ports: [{ port: 53, protocol: UDP }]
`;

export const ownConnections: readonly Connection[] = [
  { from: web, to: api, port: 443, allowed: true },
  { from: web, to: api, port: 80, allowed: false },
  { from: foo, to: api, port: 443, allowed: false },
  { from: pod({ app: "web" }, "kube-system"), to: api, port: 443, allowed: false },
  { from: pod({ app: "foo" }, "other"), to: api, port: 443, allowed: true },
  { from: null, to: api, port: 443, allowed: false },
  { from: api, to: dns, port: 53, protocol: 17, allowed: true },
  { from: api, to: dns, port: 53, allowed: false },
  { from: api, to: web, port: 53, protocol: 17, allowed: false },
  { from: web, to: foo, allowed: true },
];
