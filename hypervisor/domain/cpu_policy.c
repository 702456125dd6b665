/*
 * CPU policies as tools see them: lists of CPUID leaves and MSRs (the
 * serialised form of the public header arch-x86/xen.h), and words of feature
 * bits in the order of arch-x86/cpufeatureset.h.
 *
 * What a PV guest may have is pv_cpuid()'s to say. A domain's own policy only
 * takes away: it keeps the feature words and the highest leaves that the tool
 * set, and everything else stays the machine's. PV guests can execute CPUID
 * themselves, so a policy advises a kernel and confines nobody.
 */
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "pv_cpu.h"
#include "../hypercall/control.h"

#define MAX_BASIC 0xdu
#define MAX_EXT 0x80000021u
#define MAX_CACHE_SUBLEAVES 6
#define MAX_FEATURE_SUBLEAF 2
#define MAX_XSTATE 62
/* All that a tool may hand in: with the two of the hypervisor's range. */
#define MAX_LEAVES (2 + MAX_BASIC + 1 - 4 + MAX_CACHE_SUBLEAVES + \
		    MAX_FEATURE_SUBLEAF + 1 + 2 + MAX_XSTATE + 1 + \
		    (MAX_EXT & 0xffff) + 1)
#define MSR_PLATFORM_INFO 0xce
#define MSR_ARCH_CAPABILITIES 0x10a

#define REG(x) offsetof(struct cpuid_regs, x)
#define NOWHERE { ~0u, 0, 0 } /* words of an MSR, which PV lacks */

static const struct {
	uint32_t leaf, sub, reg;
} word_place[FEATURE_WORDS] = {
	{ 1, 0, REG(d) }, { 1, 0, REG(c) },
	{ 0x80000001, 0, REG(d) }, { 0x80000001, 0, REG(c) },
	{ 0xd, 1, REG(a) }, { 7, 0, REG(b) }, { 7, 0, REG(c) },
	{ 0x80000007, 0, REG(d) }, { 0x80000008, 0, REG(b) },
	{ 7, 0, REG(d) }, { 7, 1, REG(a) }, { 0x80000021, 0, REG(a) },
	{ 7, 1, REG(b) }, { 7, 2, REG(d) }, { 7, 1, REG(c) },
	{ 7, 1, REG(d) }, NOWHERE, NOWHERE, { 0x80000021, 0, REG(c) },
};

static uint32_t *word_in(struct cpuid_regs *r, unsigned int word)
{
	return (uint32_t *)((char *)r + word_place[word].reg);
}

/* How many sub-leaves the interface knows of a leaf; 0: it takes none. */
static uint32_t subleaves(uint32_t leaf)
{
	return leaf == 4 ? MAX_CACHE_SUBLEAVES :
	       leaf == 7 ? MAX_FEATURE_SUBLEAF + 1 :
	       leaf == 0xb ? 2 : leaf == 0xd ? MAX_XSTATE + 1 : 0;
}

#define LEAF1C_XSAVE (1u << 26)
#define LEAF1C_OSXSAVE (1u << 27)
#define LEAF1C_HYPERVISOR (1u << 31)

void cpu_policy_limit(const struct domain *d, uint32_t leaf, uint32_t sub,
		      struct cpuid_regs *r)
{
	const struct cpu_policy *p = &d->policy;
	uint32_t keep;
	unsigned int i;

	if (!d || !p->limits)
		return;
	if (leaf == 0)
		r->a = min(r->a, p->max_basic);
	else if (leaf == 0x80000000)
		r->a = min(r->a, p->max_ext);
	for (i = 0; i < FEATURE_WORDS; i++) {
		if (word_place[i].leaf != leaf ||
		    (word_place[i].sub != sub && subleaves(leaf)))
			continue;
		keep = 0;
		if (leaf == 1 && word_place[i].reg == REG(c)) {
			/* Not features: the state of this guest. */
			keep = LEAF1C_HYPERVISOR;
			if (p->words[i] & LEAF1C_XSAVE)
				keep |= LEAF1C_OSXSAVE;
		}
		*word_in(r, i) &= p->words[i] | keep;
	}
}

static void read_leaf(enum policy_kind kind, const struct domain *d,
		      uint32_t leaf, uint32_t sub, struct cpuid_regs *r)
{
	if (kind == POLICY_PV)
		pv_cpuid(d, leaf, sub, r);
	else
		*r = cpuid_count(leaf, sub);
}

struct writer {
	enum policy_kind kind;
	const struct domain *d;
	XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) h;
	uint32_t room, done;
	int rc;
};

static void put_regs(struct writer *w, uint32_t leaf, uint32_t sub,
		     struct cpuid_regs r)
{
	xen_cpuid_leaf_t l = { leaf, sub, r.a, r.b, r.c, r.d };

	if (w->rc)
		return;
	if (w->done == w->room) {
		w->rc = -ENOBUFS;
		return;
	}
	w->rc = copy_to_handle(w->h, w->done, &l, 1);
	w->done++;
}

/*
 * A leaf with all sub-leaves that are there. Lists that end with an entry of
 * type 0 keep that entry: a tool that reads a policy writes back as many leaves
 * as it was given room for.
 */
static void put_leaf(struct writer *w, uint32_t leaf)
{
	uint32_t sub, n = subleaves(leaf);
	struct cpuid_regs r, first;
	bool last = false;

	read_leaf(w->kind, w->d, leaf, 0, &first);
	if (n == 0)
		put_regs(w, leaf, XEN_CPUID_NO_SUBLEAF, first);
	for (sub = 0; sub < n && !last; sub++) {
		if (leaf == 0xd && sub > 1 &&
		    !(((uint64_t)first.d << 32 | first.a) >> sub & 1))
			continue;
		read_leaf(w->kind, w->d, leaf, sub, &r);
		put_regs(w, leaf, sub, r);
		last = (leaf == 4 && !(r.a & 0x1f)) ||
		       (leaf == 7 && sub >= first.a) ||
		       (leaf == 0xb && !(r.c >> 8 & 0xff));
	}
}

int policy_put_leaves(enum policy_kind kind, const struct domain *d,
		      XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) h, uint32_t *nr)
{
	struct writer w = { .kind = kind, .d = d, .h = h, .room = *nr };
	struct cpuid_regs r;
	uint32_t leaf, last;

	if (handle_null(h)) {
		*nr = MAX_LEAVES;
		return 0;
	}
	read_leaf(kind, d, 0, 0, &r);
	last = min(r.a, MAX_BASIC);
	for (leaf = 0; leaf <= last; leaf++)
		put_leaf(&w, leaf);
	/* How many of the hypervisor's own leaves: no limit. */
	put_regs(&w, 0x40000000, XEN_CPUID_NO_SUBLEAF,
		 (struct cpuid_regs){ 0 });
	put_regs(&w, 0x40000100, XEN_CPUID_NO_SUBLEAF,
		 (struct cpuid_regs){ 0 });
	read_leaf(kind, d, 0x80000000, 0, &r);
	last = min(r.a, MAX_EXT);
	for (leaf = 0x80000000; leaf <= last; leaf++)
		put_leaf(&w, leaf);
	if (!w.rc)
		*nr = w.done;
	return w.rc;
}

int policy_put_msrs(XEN_GUEST_HANDLE_64(xen_msr_entry_t) h, uint32_t *nr)
{
	static const xen_msr_entry_t msrs[] = {
		{ .idx = MSR_PLATFORM_INFO }, { .idx = MSR_ARCH_CAPABILITIES },
	};

	if (!handle_null(h)) {
		if (*nr < ARRAY_SIZE(msrs))
			return -ENOBUFS;
		if (copy_to_handle(h, 0, msrs, ARRAY_SIZE(msrs)))
			return -EFAULT;
	}
	*nr = ARRAY_SIZE(msrs);
	return 0;
}

void policy_features(enum policy_kind kind, uint32_t words[FEATURE_WORDS])
{
	struct cpuid_regs r;
	unsigned int i;

	for (i = 0; i < FEATURE_WORDS; i++) {
		words[i] = 0;
		read_leaf(kind, NULL, word_place[i].leaf & 0x80000000, 0, &r);
		if (r.a < word_place[i].leaf)
			continue;
		if (word_place[i].leaf == 7) {
			read_leaf(kind, NULL, 7, 0, &r);
			if (r.a < word_place[i].sub)
				continue;
		}
		read_leaf(kind, NULL, word_place[i].leaf, word_place[i].sub,
			  &r);
		words[i] = *word_in(&r, i);
	}
}

/* Where the interface has a leaf, and with which sub-leaves. */
static bool leaf_exists(const xen_cpuid_leaf_t *l)
{
	if (subleaves(l->leaf))
		return l->subleaf < subleaves(l->leaf);
	return l->subleaf == XEN_CPUID_NO_SUBLEAF &&
	       (l->leaf <= MAX_BASIC || l->leaf == 0x40000000 ||
		l->leaf == 0x40000100 ||
		(l->leaf >= 0x80000000 && l->leaf <= MAX_EXT));
}

/* One leaf of the tool's; the limit of leaves may not exceed ours. */
static int take_leaf(struct cpu_policy *p, const xen_cpuid_leaf_t *l)
{
	struct cpuid_regs r = { l->a, l->b, l->c, l->d };
	uint32_t sub = l->subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : l->subleaf;
	struct cpuid_regs ours;
	unsigned int i;

	if (!leaf_exists(l))
		return -ERANGE;
	if (l->leaf == 0 || l->leaf == 0x80000000) {
		read_leaf(POLICY_PV, NULL, l->leaf, 0, &ours);
		if (l->a > ours.a)
			return -EINVAL;
		if (l->leaf == 0)
			p->max_basic = l->a;
		else
			p->max_ext = l->a;
	}
	for (i = 0; i < FEATURE_WORDS; i++)
		if (word_place[i].leaf == l->leaf && word_place[i].sub == sub)
			p->words[i] = *word_in(&r, i);
	return 0;
}

static int check_msrs(struct xen_domctl_cpu_policy *op)
{
	xen_msr_entry_t m;
	uint32_t i;

	for (i = 0; i < op->nr_msrs; i++) {
		if (copy_from_handle(&m, op->msrs, i, 1))
			return -EFAULT;
		op->err_msr = m.idx;
		if (m.flags)
			return -EINVAL;
		if (m.idx != MSR_PLATFORM_INFO &&
		    m.idx != MSR_ARCH_CAPABILITIES)
			return -ERANGE;
	}
	return 0;
}

int policy_set(struct domain *d, struct xen_domctl_cpu_policy *op)
{
	struct cpu_policy p = { true, .max_basic = ~0u, .max_ext = ~0u };
	xen_cpuid_leaf_t l;
	uint32_t i;
	int rc;

	op->err_leaf = op->err_subleaf = op->err_msr = ~0u;
	if (op->nr_leaves > MAX_LEAVES || op->nr_msrs > 2)
		return -E2BIG;
	policy_features(POLICY_PV, p.words);
	for (i = 0; i < op->nr_leaves; i++) {
		if (copy_from_handle(&l, op->leaves, i, 1))
			return -EFAULT;
		op->err_leaf = l.leaf;
		op->err_subleaf = l.subleaf;
		rc = take_leaf(&p, &l);
		if (rc)
			return rc;
	}
	op->err_leaf = op->err_subleaf = ~0u;
	rc = check_msrs(op);
	if (rc)
		return rc;
	op->err_msr = ~0u;
	spin_guard(&d->lock);
	d->policy = p;
	return 0;
}
