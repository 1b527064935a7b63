/**
 * How a converted ClusterNetworkPolicy says that a rule is about nodes. Who does not know these annotations, as Calico's own
 * agents, reads a rule that is closed; ours put the nodes' addresses in (`withNodes` of `policy`).
 */

/** Of a rule: the selector of the nodes that it is for, in the place of networks of its destination. */
export const nodesAnnotation = "brindle.network/nodes";
/** What it does where that is another thing than it says: `Pass`. */
export const nodesActionAnnotation = "brindle.network/nodes-action";
/** Nothing is forwarded there. */
export const nowhere = "0.0.0.0/32";
