// The fast path through a router; see the Go package's comment.
//
// Built by `go generate` with clang 14 or later; the object is committed.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// What is read of the kernel's own structures, found by name when loaded.
struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));
typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;
struct net_device {
	unsigned int mtu;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));
struct sk_buff {
	int skb_iif;
	struct net_device *dev;
} __attribute__((preserve_access_index));
extern void *bpf_cast_to_kern_ctx(void *) __ksym;
#define SETTLED 0x5765ffff // dataplane.SettledMark
#define LASTS 2000000000ULL // ns

struct tuple {
	__u32 src[4], dst[4];
	__be16 sport, dport;
};

// A flow in one direction, as it comes in by a link of a router.
struct flow {
	__u64 net; // the router's namespace, by its cookie
	__u32 link;
	__u16 six; // IPv6
	__u16 proto;
	struct tuple tuple;
	__u32 pad;
};

// What the router did with the last packet that went through it.
struct way {
	__u64 until;
	__u32 generation;
	__u32 link;
	__u32 mtu;
	struct tuple tuple;
};

// A packet on its way through a router.
struct passing {
	__u64 packet; // its address; 0: none
	__u32 generation;
	__u32 pad;
	struct flow flow;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow);
	__type(value, struct way);
	__uint(max_entries, 65536);
} flows SEC(".maps");

// The configuration's generation; 0 while it is changed.
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} generation SEC(".maps");

// Packets do not change the processor on their way through a router.
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct passing);
	__uint(max_entries, 1);
} passing SEC(".maps");

static __always_inline __u32 current(void)
{
	__u32 zero = 0, *g = bpf_map_lookup_elem(&generation, &zero);

	return g ? *(volatile __u32 *)g : 0;
}

// Frames of this size pass a link with that MTU; of a batch, each of its segments.
static __always_inline int fits(const struct __sk_buff *skb, __u32 header, __u32 mtu)
{
	__u32 size = skb->len - ETH_HLEN, segment = skb->gso_size;

	barrier_var(size); // or the compiler reads either by one instruction, which the kernel refuses
	if (segment)
		size = header + segment;
	return size <= mtu;
}

#define IP4_ADDRESS(field) (ETH_HLEN + offsetof(struct iphdr, field))
#define IP6_ADDRESS(field) (ETH_HLEN + offsetof(struct ipv6hdr, field))

// Puts another address into a packet; words of 32 bits.
static __always_inline int address(struct __sk_buff *skb, __u32 at, __u32 words, __u32 sum, __u64 flags, __u32 *from, __u32 *to)
{
	__s64 diff;

	if (from[0] == to[0] && (words == 1 || (from[1] == to[1] && from[2] == to[2] && from[3] == to[3])))
		return 0;
	diff = bpf_csum_diff(from, words * 4, to, words * 4, 0);
	if (words == 1 && bpf_l3_csum_replace(skb, IP4_ADDRESS(check), 0, diff, 0))
		return -1;
	return bpf_l4_csum_replace(skb, sum, 0, diff, flags | BPF_F_PSEUDO_HDR) || bpf_skb_store_bytes(skb, at, to, words * 4, 0);
}

static __always_inline int port(struct __sk_buff *skb, __u32 at, __u32 sum, __u64 flags, __be16 from, __be16 to)
{
	if (from == to)
		return 0;
	return bpf_l4_csum_replace(skb, sum, from, to, flags | 2) || bpf_skb_store_bytes(skb, at, &to, 2, 0);
}

// Translates a packet as the router does those of the flow.
static __always_inline int translate(struct __sk_buff *skb, struct flow *f, struct way *w, int six)
{
	__u32 l4 = ETH_HLEN + (six ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u32 src = six ? IP6_ADDRESS(saddr) : IP4_ADDRESS(saddr), dst = six ? IP6_ADDRESS(daddr) : IP4_ADDRESS(daddr);
	__u32 words = six ? 4 : 1, sum = l4 + offsetof(struct tcphdr, check);
	__u64 flags = 0;

	if (f->proto == IPPROTO_UDP) {
		sum = l4 + offsetof(struct udphdr, check);
		flags = BPF_F_MARK_MANGLED_0;
	}
	return address(skb, src, words, sum, flags, f->tuple.src, w->tuple.src) ||
	       address(skb, dst, words, sum, flags, f->tuple.dst, w->tuple.dst) ||
	       port(skb, l4, sum, flags, f->tuple.sport, w->tuple.sport) ||
	       port(skb, l4 + 2, sum, flags, f->tuple.dport, w->tuple.dport);
}

// A packet as far as it has been read.
struct parsed {
	struct flow flow;
	__u32 header; // size, from the IP header on
	int first_or_last; // of a TCP connection
};

// Reads a packet that may be of a known flow.
static __always_inline int parse(struct __sk_buff *skb, struct parsed *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	struct ethhdr *eth = data;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct iphdr *ip = (void *)(eth + 1);
	struct flow *f = &p->flow;
	void *l4;

	if (skb->vlan_present || (void *)(ip + 1) > end)
		return -1;
	f->net = kernel->dev->nd_net.net->net_cookie;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if (ip->version != 4 || ip->ihl != 5 || ip->ttl <= 1 || ip->frag_off & bpf_htons(0x3fff))
			return -1;
		f->proto = ip->protocol;
		f->tuple.src[0] = ip->saddr;
		f->tuple.dst[0] = ip->daddr;
		p->header = sizeof(*ip);
		l4 = ip + 1;
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		if ((void *)(ip6 + 1) > end || ip6->version != 6 || ip6->hop_limit <= 1)
			return -1;
		f->six = 1;
		f->proto = ip6->nexthdr;
		__builtin_memcpy(f->tuple.src, &ip6->saddr, 16);
		__builtin_memcpy(f->tuple.dst, &ip6->daddr, 16);
		p->header = sizeof(*ip6);
		l4 = ip6 + 1;
	} else {
		return -1;
	}
	if (f->proto == IPPROTO_TCP) {
		struct tcphdr *t = l4;

		if ((void *)(t + 1) > end)
			return -1;
		f->tuple.sport = t->source;
		f->tuple.dport = t->dest;
		p->header += t->doff * 4;
		p->first_or_last = t->syn || t->fin || t->rst || !t->ack;
	} else if (f->proto == IPPROTO_UDP) {
		struct udphdr *u = l4;

		if ((void *)(u + 1) > end)
			return -1;
		f->tuple.sport = u->source;
		f->tuple.dport = u->dest;
		p->header += sizeof(*u);
	} else {
		return -1;
	}
	return 0;
}

// One hop less to live.
static __always_inline int age(struct __sk_buff *skb, int six)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data + ETH_HLEN;
	struct iphdr *ip = data + ETH_HLEN;
	__u32 sum;

	if (six) {
		if ((void *)(ip6 + 1) > end)
			return -1;
		ip6->hop_limit--;
		return 0;
	}
	if ((void *)(ip + 1) > end)
		return -1;
	sum = ip->check + bpf_htons(0x0100); // RFC 1141
	ip->check = sum + (sum >= 0xffff);
	ip->ttl--;
	return 0;
}

// Takes a packet that comes in by a router's link straight to the link that the
// last one of its flow left by.
SEC("tc")
int shortcut(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	__u32 zero = 0, g = current();
	struct parsed p = {};
	struct passing *at;
	struct way *w;

	at = bpf_map_lookup_elem(&passing, &zero);
	if (!at)
		return TC_ACT_UNSPEC;
	at->packet = 0;
	if (!g || skb->pkt_type != 0 /* PACKET_HOST */ || parse(skb, &p))
		return TC_ACT_UNSPEC;
	p.flow.link = skb->ifindex;
	if (p.first_or_last) { // what comes after may be another connection
		bpf_map_delete_elem(&flows, &p.flow);
		return TC_ACT_UNSPEC;
	}
	w = bpf_map_lookup_elem(&flows, &p.flow);
	if (!w || w->generation != g || w->until < bpf_ktime_get_coarse_ns() || !fits(skb, p.header, w->mtu)) {
		at->flow = p.flow;
		at->generation = g;
		at->packet = (__u64)kernel;
		return TC_ACT_UNSPEC;
	}
	if (age(skb, p.flow.six) || (p.flow.six ? translate(skb, &p.flow, w, 1) : translate(skb, &p.flow, w, 0)))
		return TC_ACT_SHOT;
	return bpf_redirect_peer(w->link, 0);
}

// Remembers which way a packet goes that leaves the router by a link, and as what,
// if the rules say that the next ones of its flow may go the same.
SEC("tc")
int settle(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	struct way w = {.generation = current()};
	struct parsed p = {};
	struct passing *at;
	__u32 zero = 0;

	if (skb->mark != SETTLED)
		return TC_ACT_UNSPEC;
	at = bpf_map_lookup_elem(&passing, &zero);
	if (!at || at->packet != (__u64)kernel || !w.generation || at->generation != w.generation)
		return TC_ACT_UNSPEC;
	at->packet = 0;
	if (parse(skb, &p) || p.first_or_last || p.flow.net != at->flow.net || at->flow.link != kernel->skb_iif ||
	    p.flow.six != at->flow.six || p.flow.proto != at->flow.proto)
		return TC_ACT_UNSPEC;
	w.tuple = p.flow.tuple;
	w.link = skb->ifindex;
	w.mtu = kernel->dev->mtu;
	w.until = bpf_ktime_get_ns() + LASTS;
	bpf_map_update_elem(&flows, &at->flow, &w, BPF_ANY);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL"; // which helpers ask for
