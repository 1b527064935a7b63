/**
 * What a node's tables of IPv4 hold before a network with policy comes to it, as iptables-restore takes it: what the kubelet makes,
 * and kube-proxy of Kubernetes 1.36 in the mode iptables, which it has unless told otherwise. Rules of single Services are
 * left out, as packets of open flows meet none of them. The comments are there since the kernel looks at them, too.
 */
export const kubeProxyTables: string = `*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-PROXY-CANARY - [0:0]
COMMIT
*filter
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "sources of load balancers" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "ports for checks of health" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "addresses seen outside" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "sources of load balancers" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "what is forwarded" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "addresses of Services" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "addresses seen outside" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "sources of load balancers" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "addresses of Services" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "of others to loopback" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "what is forwarded" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "flows that are open" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "addresses of Services" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "addresses of Services" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "what is to be masqueraded" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "what is to be masqueraded" -j MASQUERADE --random-fully
-A KUBE-SERVICES -m comment --comment "ports of nodes" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
`;

/** The least that masquerading takes: connections are tracked, and no rule is met but by the first packet of each. */
export const masqueradingTables: string = `*nat
-A POSTROUTING -s 10.128.0.0/15 ! -d 10.128.0.0/15 -j MASQUERADE
COMMIT
`;
