/*
 * Hypercalls that change page tables: mmu_update, update_va_mapping,
 * mmuext_op. They find the table and take a reference to it; mm/update.c
 * does the rest. (Public header xen.h; formats of the arguments are there.)
 */
#include "arch.h"
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

/*
 * Whose frames an operation names: the caller's own; another domain's, for the
 * privileged; or nobody's (DOMID_IO, DOMID_XEN), which leaves device memory.
 * NULL: -ESRCH or -EPERM in *rc. The caller's own domain and idle_domain stay
 * without a reference; pg_owner_put() knows.
 */
static struct domain *pg_owner_get(uint16_t domid, int *rc)
{
	struct domain *me = current->domain, *d;

	*rc = 0;
	if (likely(domid == DOMID_SELF || domid == me->id))
		return me;
	if (!me->privileged) {
		*rc = -EPERM;
		return NULL;
	}
	if (domid == DOMID_IO || domid == DOMID_XEN)
		return idle_domain;
	d = domain_get(domid);
	/* In use: nothing is pinned or mapped behind the reaper's back. */
	if (d && !domain_use(d)) {
		domain_put(d);
		d = NULL;
	}
	if (!d)
		*rc = -ESRCH;
	return d;
}

static void pg_owner_put(struct domain *d)
{
	if (unlikely(d != current->domain && d != idle_domain)) {
		domain_unuse(d);
		domain_put(d);
	}
}

/* --- mmu_update --- */

struct update_ctx {
	struct domain *pt_owner, *pg_owner;
	/* The table of the last entry: batches mostly stay in one. */
	struct frame *table;
	mfn_t table_mfn;
	unsigned int level;
};

static inline void leave_table(struct update_ctx *ctx)
{
	if (ctx->table)
		frame_put_as(ctx->table);
	ctx->table = NULL;
}

static bool enter_table(struct update_ctx *ctx, mfn_t mfn)
{
	leave_table(ctx);
	ctx->level = frame_get_table(ctx->pt_owner, mfn, &ctx->table);
	ctx->table_mfn = mfn;
	return ctx->level;
}

/* A frame that is no table but writable: a plain store. */
static no_inline int plain_store(struct domain *d, uint64_t pa, uint64_t val)
{
	struct frame *f;
	int rc = frame_get_as(d, paddr_mfn(pa), TYPE_WRITABLE, &f);

	if (rc)
		return rc;
	WRITE_ONCE(*(uint64_t *)(DIRECT_BASE + pa), val);
	frame_put_as(f);
	return 0;
}

static inline int update_entry(struct update_ctx *ctx, uint64_t pa,
			       uint64_t val, uint64_t keep)
{
	if ((!ctx->table || ctx->table_mfn.n != paddr_mfn(pa).n) &&
	    unlikely(!enter_table(ctx, paddr_mfn(pa))))
		return plain_store(ctx->pt_owner, pa, val);
	return table_update(ctx->pt_owner, ctx->pg_owner, ctx->level,
			    (uint64_t *)(DIRECT_BASE + pa), val, keep);
}

static no_inline int update_m2p(const struct update_ctx *ctx, uint64_t pa, uint64_t val)
{
	struct frame *f = frame_get(ctx->pg_owner, paddr_mfn(pa));

	if (!f)
		return -EINVAL;
	m2p_set(frame_mfn(f), val);
	frame_put(f);
	return 0;
}

static int one_update(struct update_ctx *ctx, const struct mmu_update *u)
{
	uint64_t pa = u->ptr & ~7UL, how = u->ptr & 7;

	if (unlikely(how == MMU_MACHPHYS_UPDATE))
		return update_m2p(ctx, pa, u->val);
	if (unlikely(how > MMU_PT_UPDATE_NO_TRANSLATE))
		return -ENOSYS;
	return update_entry(ctx, pa, u->val,
			    how == MMU_PT_UPDATE_PRESERVE_AD ?
			    PTE_A | PTE_D : 0);
}

static int ctx_init(struct update_ctx *ctx, uint64_t foreigndom)
{
	uint16_t pt = (uint16_t)(foreigndom >> 16);
	int rc;

	ctx->table = NULL;
	if (likely(foreigndom == DOMID_SELF)) {
		ctx->pg_owner = ctx->pt_owner = current->domain;
		return 0;
	}
	ctx->pg_owner = pg_owner_get((uint16_t)foreigndom, &rc);
	if (!ctx->pg_owner)
		return rc;
	ctx->pt_owner = pg_owner_get(pt ? (uint16_t)(pt - 1) : DOMID_SELF,
				     &rc);
	if (!ctx->pt_owner)
		pg_owner_put(ctx->pg_owner);
	return rc;
}

/* Entries between two preemption points. */
#define CHUNK 16

static int do_updates(struct update_ctx *ctx, uint64_t list, uint32_t count,
		      uint32_t *done)
{
	struct mmu_update u;
	uint32_t n = 0;
	int rc = 0;

	while (n < count && rc == 0) {
		rc = get_guest_pair((uint64_t *)&u, list + n * sizeof(u));
		if (rc == 0)
			rc = one_update(ctx, &u);
		if (rc == 0 && ++n % CHUNK == 0 && n < count) {
			leave_table(ctx);
			rc = preempt_point();
		}
	}
	leave_table(ctx);
	*done = n;
	return rc;
}

/*
 * rdi array, rsi count, rdx where the number done goes (also on errors: Linux
 * skips over one entry by it), r10 domains. 0 or the first error.
 */
long hc_mmu_update(uint64_t list, uint64_t count, uint64_t pdone,
		   uint64_t foreigndom, uint64_t a4)
{
	struct update_ctx ctx;
	uint32_t done = 0;
	int rc;

	/* A batch that the original had cut and asks to go on: not with us. */
	if (count >> 31)
		return -EINVAL;
	rc = ctx_init(&ctx, foreigndom);
	if (rc)
		return rc;
	rc = do_updates(&ctx, list, (uint32_t)count, &done);
	if (unlikely(foreigndom != DOMID_SELF)) {
		pg_owner_put(ctx.pt_owner);
		pg_owner_put(ctx.pg_owner);
	}
	if (pdone && put_guest_u32(pdone, done))
		rc = -EFAULT;
	return rc;
}

/* --- flushes --- */

/* CPUs on which the vCPUs of a guest's bitmap may have entries. */
static int vcpu_mask_to_cpus(uint64_t va, uint64_t *cpus_)
{
	struct domain *d = current->domain;
	uint64_t bits[MAX_VCPUS / 64] = { 0 };
	size_t bytes = DIV_ROUND_UP(d->max_vcpus, 8);
	struct vcpu *v;

	if (copy_from_guest_va(bits, va, bytes))
		return -EFAULT;
	*cpus_ = 0;
	for_each_vcpu(d, v)
		if (bits[v->id / 64] >> v->id % 64 & 1)
			*cpus_ |= tlb_flush_vcpu(v);
	*cpus_ &= load_acquire(&d->dirty_cpus);
	return 0;
}

static void flush_page_here(uint64_t va)
{
	if (va_canonical(va) && guest_range_ok(va, 1))
		invlpg(va);
}

/* A single page on other CPUs is a full flush there. */
static void flush_cpus(uint64_t mask, uint64_t va, bool page)
{
	uint64_t me = 1UL << this_cpu()->id;

	if (page && (mask & me)) {
		flush_page_here(va);
		mask &= ~me;
	}
	if (mask)
		tlb_flush_mask(mask);
}

static int uvm_flush(uint64_t va, uint64_t flags)
{
	uint64_t type = flags & UVMF_FLUSHTYPE_MASK;
	uint64_t how = flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK, mask;
	int rc = 0;

	if (how == UVMF_LOCAL)
		mask = 1UL << this_cpu()->id;
	else if (how == UVMF_ALL)
		mask = load_acquire(&current->domain->dirty_cpus);
	else
		rc = vcpu_mask_to_cpus(how, &mask);
	if (rc == 0)
		flush_cpus(mask, va, type == UVMF_INVLPG);
	return rc;
}

/* --- update_va_mapping --- */

static long update_va(uint64_t va, uint64_t val, uint64_t flags,
		      struct domain *pg_owner)
{
	struct vcpu *v = current;
	struct frame *table;
	uint64_t *e;
	int rc;

	if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_FLUSHTYPE_MASK)
		return -EINVAL;
	e = guest_l1_entry(v, va, &table);
	if (!e)
		return -EINVAL;
	rc = table_update(v->domain, pg_owner, 1, e, val, 0);
	frame_put_as(table);
	if (rc == 0 && (flags & UVMF_FLUSHTYPE_MASK))
		rc = uvm_flush(va, flags);
	return rc;
}

long hc_update_va_mapping(uint64_t va, uint64_t val, uint64_t flags,
			  uint64_t a3, uint64_t a4)
{
	return update_va(va, val, flags, current->domain);
}

long hc_update_va_mapping_otherdomain(uint64_t va, uint64_t val,
				      uint64_t flags, uint64_t domid,
				      uint64_t a4)
{
	struct domain *d;
	long rc;
	int err;

	d = pg_owner_get((uint16_t)domid, &err);
	if (!d)
		return err;
	rc = update_va(va, val, flags, d);
	pg_owner_put(d);
	return rc;
}

/* --- mmuext_op --- */

typedef int ext_fn(struct domain *pg_owner, const struct mmuext_op *op);

static int ext_pin(struct domain *d, const struct mmuext_op *op)
{
	struct frame *f = frame_get(d, MFN(op->arg1.mfn));
	int rc;

	if (!f)
		return -EINVAL;
	/* PIN_L1..PIN_L4 are 0..3. */
	rc = op->cmd == MMUEXT_UNPIN_TABLE ? frame_unpin(f) :
	     frame_pin(f, table_type(op->cmd + 1));
	frame_put(f);
	return rc == -EBUSY ? -EINVAL : rc;
}

/* Only the user's may be none. */
static int ext_new_base(struct domain *d, const struct mmuext_op *op)
{
	bool user = op->cmd == MMUEXT_NEW_USER_BASEPTR;
	struct vcpu *v = current;
	struct frame *f = NULL;
	int rc = 0;

	if (d != v->domain)
		return -EPERM;
	if (op->arg1.mfn || !user)
		rc = frame_get_as(d, MFN(op->arg1.mfn), TYPE_L4, &f);
	if (rc)
		return rc == -EBUSY ? -EINVAL : rc;
	if (user)
		pv_set_user_base(v, f);
	else
		pv_set_base(v, f);
	return 0;
}

static int ext_flush_local(struct domain *d, const struct mmuext_op *op)
{
	tlb_flush_local();
	return 0;
}

static int ext_invlpg_local(struct domain *d, const struct mmuext_op *op)
{
	flush_page_here(op->arg1.linear_addr);
	return 0;
}

static int ext_flush_multi(struct domain *d, const struct mmuext_op *op)
{
	uint64_t mask;
	int rc = vcpu_mask_to_cpus(handle_va(op->arg2.vcpumask), &mask);

	if (rc == 0)
		flush_cpus(mask, op->arg1.linear_addr,
			   op->cmd == MMUEXT_INVLPG_MULTI);
	return rc;
}

static int ext_flush_all(struct domain *d, const struct mmuext_op *op)
{
	flush_cpus(load_acquire(&current->domain->dirty_cpus),
		   op->arg1.linear_addr, op->cmd == MMUEXT_INVLPG_ALL);
	return 0;
}

static int ext_flush_cache(struct domain *d, const struct mmuext_op *op)
{
	/* Only who has devices can have lines that matter to anybody. */
	if (!current->domain->pv.io_all)
		return -EPERM;
	wbinvd();
	return 0;
}

static int ext_set_ldt(struct domain *d, const struct mmuext_op *op)
{
	if (d != current->domain)
		return -EPERM;
	return pv_set_ldt(current, op->arg1.linear_addr, op->arg2.nr_ents);
}

static int ext_clear_page(struct domain *d, const struct mmuext_op *op)
{
	struct frame *f;
	int rc = frame_get_as(d, MFN(op->arg1.mfn), TYPE_WRITABLE, &f);

	if (rc)
		return rc;
	memset(frame_virt(f), 0, PAGE_SIZE);
	frame_put_as(f);
	return 0;
}

static int ext_copy_page(struct domain *d, const struct mmuext_op *op)
{
	struct frame *src = frame_get(d, MFN(op->arg2.src_mfn)), *dst;
	int rc;

	if (!src)
		return -EINVAL;
	rc = frame_get_as(d, MFN(op->arg1.mfn), TYPE_WRITABLE, &dst);
	if (rc == 0) {
		memcpy(frame_virt(dst), frame_virt(src), PAGE_SIZE);
		frame_put_as(dst);
	}
	frame_put(src);
	return rc;
}

static ext_fn *const ext_table[] = {
	[MMUEXT_PIN_L1_TABLE] = ext_pin,
	[MMUEXT_PIN_L2_TABLE] = ext_pin,
	[MMUEXT_PIN_L3_TABLE] = ext_pin,
	[MMUEXT_PIN_L4_TABLE] = ext_pin,
	[MMUEXT_UNPIN_TABLE] = ext_pin,
	[MMUEXT_NEW_BASEPTR] = ext_new_base,
	[MMUEXT_TLB_FLUSH_LOCAL] = ext_flush_local,
	[MMUEXT_INVLPG_LOCAL] = ext_invlpg_local,
	[MMUEXT_TLB_FLUSH_MULTI] = ext_flush_multi,
	[MMUEXT_INVLPG_MULTI] = ext_flush_multi,
	[MMUEXT_TLB_FLUSH_ALL] = ext_flush_all,
	[MMUEXT_INVLPG_ALL] = ext_flush_all,
	[MMUEXT_FLUSH_CACHE] = ext_flush_cache,
	[MMUEXT_SET_LDT] = ext_set_ldt,
	[MMUEXT_NEW_USER_BASEPTR] = ext_new_base,
	[MMUEXT_CLEAR_PAGE] = ext_clear_page,
	[MMUEXT_COPY_PAGE] = ext_copy_page,
	[MMUEXT_FLUSH_CACHE_GLOBAL] = ext_flush_cache,
};

static int one_ext(struct domain *pg_owner, const struct mmuext_op *op)
{
	if (op->cmd >= ARRAY_SIZE(ext_table) || !ext_table[op->cmd])
		return (int)hypercall_unknown("mmuext_op", op->cmd);
	return ext_table[op->cmd](pg_owner, op);
}

/* rdi array, rsi count, rdx number done, r10 owner of the frames named. */
long hc_mmuext_op(uint64_t list, uint64_t count, uint64_t pdone,
		  uint64_t foreigndom, uint64_t a4)
{
	struct domain *pg_owner;
	struct mmuext_op op;
	uint32_t done = 0;
	int rc;

	if (count >> 31)
		return -EINVAL;
	pg_owner = pg_owner_get((uint16_t)foreigndom, &rc);
	if (!pg_owner)
		return rc;
	while (done < count && rc == 0) {
		rc = get_guest(&op, list + done * sizeof(op)) ? -EFAULT : 0;
		if (rc == 0)
			rc = one_ext(pg_owner, &op);
		if (rc == 0 && ++done < count)
			rc = preempt_point();
	}
	pg_owner_put(pg_owner);
	if (pdone && put_guest_u32(pdone, done))
		rc = -EFAULT;
	return rc;
}
