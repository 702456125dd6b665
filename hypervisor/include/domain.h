/*
 * Domains and vCPUs. A domain is reached by its id through domain_get(),
 * which returns with a reference; the reference keeps the structure, not the
 * domain's life. Each room keeps its part in a structure of its own.
 */
#ifndef PV_DOMAIN_H
#define PV_DOMAIN_H

#include "types.h"
#include "lib.h"
#include "spinlock.h"
#include "event.h"
#include "grant.h"
#include "pv.h"
#include "sched.h"
#include "time.h"

#define MAX_VCPUS 128 /* per domain */

struct vcpu {
	struct domain *domain;
	unsigned int id;
	struct cpu_user_regs *regs; /* guest registers, at the stack's top */
	void *stack;                /* STACK_SIZE, aligned */
	uint64_t switched_rsp;      /* while switched out (pv/switch.c) */

	/*
	 * The guest's vcpu_info, through the direct map: in the shared info
	 * page for the first 32, until it registers its own. NULL for
	 * hypervisor threads.
	 */
	struct vcpu_info *info;
	struct frame *info_frame;   /* registered page, referenced; or NULL */

	bool initialised;           /* has a context (VCPUOP_initialise) */
	bool setting_context;       /* somebody is giving it one: atomic */
	const char *name;           /* of a thread; constant */

	struct pv_vcpu pv;          /* pv/ */
	struct sched_vcpu sched;    /* sched/ */
	struct event_vcpu event;    /* event/ */
	struct time_vcpu time;      /* cpu/time.c, hypercall/vcpu.c */
};

/* What it may have of CPUID (domain/cpu_policy.c). */
#define FEATURE_WORDS 19
struct cpu_policy {
	bool limits; /* false: all that the machine has */
	uint32_t max_basic, max_ext;
	uint32_t words[FEATURE_WORDS];
};

enum domain_state {
	DOM_BUILDING,  /* created, never unpaused yet */
	DOM_ALIVE,
	DOM_DYING,     /* domain_kill() began: nothing new is handed out */
	DOM_DEAD,      /* gave everything back; waits for references */
	DOM_UNFINISHED, /* being made; looks like one that is dying */
};

struct domain {
	uint16_t id;
	bool privileged;             /* Dom0: constant */
	uint32_t refs;               /* atomic */
	enum domain_state state;     /* written under lock, read anywhere */
	uint32_t users;              /* domain_use(): atomic */
	struct spinlock lock;        /* RANK_DOMAIN: life cycle */

	unsigned int max_vcpus;      /* constant after creation */
	struct vcpu **vcpu;          /* [max_vcpus], entries may be NULL */

	/* Pages: pages_lock (RANK_PAGES). */
	struct spinlock pages_lock;
	uint32_t pages_head;         /* first mfn of its list, 0 for none */
	uint32_t pages_done;         /* the list while it is taken apart */
	uint64_t tot_pages, max_pages;
	uint64_t exchanging;         /* allowed above max_pages: about to go */

	struct shared_info *shared;  /* one page, frame_share()d */

	/* Shutdown: lock. */
	bool shutdown;               /* all vCPUs parked at the boundary */
	bool shutting_down;
	int shutdown_code;           /* SHUTDOWN_*; -1 none */

	unsigned int pause_count;    /* by whomever; atomic */
	unsigned int controller_pauses; /* those by domctl; lock */
	uint8_t handle[16];          /* uuid */
	uint32_t ssidref;
	bool xs_domain;              /* runs a store daemon; told to tools */
	struct cpu_policy policy;    /* lock, for who sets it */

	/* CPUs that may hold TLB entries of it (mm/tlb.c): atomic bitmap. */
	uint64_t dirty_cpus;

	struct pv_domain pv;
	struct event_domain event;
	struct grant_domain grant;
	struct sched_domain sched;
	struct time_domain time;

	/* Log rate limit (lib/log.c). */
	uint64_t log_window;
	uint32_t log_count;
};

extern struct domain *dom0;
extern struct domain *idle_domain; /* owner of idle vCPUs and threads */

static inline bool domain_is_dying(const struct domain *d)
{
	return load_acquire(&d->state) >= DOM_DYING;
}

/*
 * domain/domain.c. domain_get(): NULL if there is none; DOMID_SELF means the
 * caller. domain_put() may free the structure.
 */
struct domain *domain_get(uint16_t domid);
void domain_put(struct domain *d);

/*
 * The domain that a call names: the caller's own, or any for a privileged
 * caller. 0, -ESRCH, -EPERM.
 */
must_check static inline int domain_get_target(uint16_t id, struct domain **d)
{
	*d = domain_get(id);
	if (!*d)
		return -ESRCH;
	if (*d == current->domain || current->domain->privileged)
		return 0;
	domain_put(*d);
	return -EPERM;
}

/*
 * For who acts on a domain over preemption points: as long as it is in use it is
 * not taken apart, though it may be dying. False when it is dying already.
 */
must_check bool domain_use(struct domain *d);
void domain_unuse(struct domain *d);
/* The first with that id or a higher one, with a reference; NULL: none. */
struct domain *domain_get_from(uint16_t id);

struct domain_config {
	uint16_t domid;          /* or DOMID_INVALID: next free */
	bool privileged;
	unsigned int max_vcpus, max_evtchn_port;
	unsigned int max_grant_frames, max_maptrack_frames;
	unsigned int pool;       /* its CPU pool */
	uint8_t handle[16];
	uint32_t ssidref;
};

/*
 * 0, -EEXIST, -ENOMEM, -EINVAL; -ENOENT, -ENODEV: there is no such pool, it has
 * no CPU. Paused once by its creator.
 */
must_check int domain_create(const struct domain_config *c,
			     struct domain **out);
must_check int vcpu_create(struct domain *d, unsigned int id);
/* A hypervisor thread: a vCPU of idle_domain that runs fn on its own stack. */
struct vcpu *thread_create(void (*fn)(void *arg), void *arg,
			   const char *name);

/*
 * A first context, or another one for a vCPU of a paused domain: 0, -EBUSY
 * (somebody else is at it), or as pv_set_context(). VGCF_online says whether it
 * is up afterwards. Passes preemption points.
 */
must_check int vcpu_set_context(struct vcpu *v,
				const struct vcpu_guest_context *c);
/* The same with one that the caller has at @va; and -EFAULT, -ENOMEM. */
must_check int vcpu_take_context(struct vcpu *v, uint64_t va);
/*
 * A vcpu_info of the guest's own, once: 0, -EINVAL (has one, or bad offset),
 * or as frame_get_as().
 */
must_check int vcpu_register_info(struct vcpu *v, mfn_t mfn, uint32_t offset);
bool vcpu_has_info(const struct vcpu *v); /* in memory of its guest */

/*
 * A vCPU that is up and initialised runs when nothing pauses its domain; a new
 * one is down. Both from any context; vcpu_up() of one that is up does nothing.
 */
void vcpu_up(struct vcpu *v);
void vcpu_down(struct vcpu *v);

/* For all of its vCPUs: a reason to park was set, or is gone. */
void domain_stop_vcpus(struct domain *d);
void domain_unpark_vcpus(struct domain *d);
void domain_pause_sync(struct domain *d); /* waits for the guest boundary */
/*
 * After a pause: until every vCPU is at the boundary. Returns early if somebody
 * lets the domain go on meanwhile.
 */
void domain_wait_stopped(struct domain *d);
void domain_resume(struct domain *d);  /* undoes one of these pauses */
/* The controller's pauses, counted apart; a new domain has one. */
void domain_controller_pause(struct domain *d);
must_check int domain_unpause(struct domain *d); /* -EINVAL: not paused */
/* Starts destruction; the reaper finishes it. Idempotent. */
void domain_kill(struct domain *d);
/* A guest asked for it (SCHEDOP_shutdown), or crashed: SHUTDOWN_*. */
void domain_shutdown(struct domain *d, int reason);
/* Its suspend was called off: runs on. -EINVAL: it is not shut down. */
must_check int domain_shutdown_undo(struct domain *d);
/* A vCPU came to rest: the shutdown may be complete, the reaper may go on. */
void domain_parked(struct domain *d);
/*
 * The guest broke its own machine: one block in the log (domain, vCPU, cause,
 * registers), then domain_shutdown(SHUTDOWN_crash). Returns; the vCPU stops at
 * the guest boundary. Dom0: the machine's end.
 */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);

/* CPU's idle vCPU: at boot, for sched_init_cpu(). */
struct vcpu *idle_vcpu_create(unsigned int cpu);

/* domain/reaper.c */
void reaper_start(void);               /* boot CPU: the thread */
void reaper_kick(void);                /* one began to die, or may go on */

/*
 * What reaper.c calls. The first with that id or a higher one, without a
 * reference and perhaps without any; out of the table; and its memory.
 */
struct domain *domain_scan(uint16_t id);
void domain_forget(struct domain *d);
void domain_free(struct domain *d);
void vcpu_free(struct vcpu *v);  /* domain/vcpu.c; it no longer runs */

/*
 * domain/area.c: a small piece of guest memory that the guest named by virtual
 * address once and that the hypervisor writes again and again, from any
 * context (runstate, time). The address is translated when it is registered;
 * the frames stay referenced as writable, so that nothing can fail later.
 */
struct guest_area {
	struct frame *frame[2]; /* the second: NULL, or the rest lies there */
	uint32_t offset, len;   /* offset: in the first page */
};

/*
 * [va, va + len) in the kernel page tables of v; len at most a page. 0,
 * -EFAULT (not mapped writable, or not guest memory), -ENOMEM, or as
 * frame_get_as(). The caller owns *out. Passes preemption points.
 */
must_check int area_create(struct vcpu *v, uint64_t va, size_t len,
			   struct guest_area **out);
void area_free(struct guest_area *a); /* NULL is fine */
/* The caller sees to it that one CPU writes at a time. */
void area_write(struct guest_area *a, size_t at, const void *src, size_t len);

/* The first domain: kernel ELF at module, initrd, command line. */
struct boot_module;
void dom0_build(const struct boot_module *kernel,
		const struct boot_module *initrd);

/* Walks live domains; holds a reference on each while fn runs. */
struct domain *domain_next(struct domain *prev); /* drops prev's reference */

/* The vCPU of that number, NULL when there is none. */
static inline struct vcpu *domain_vcpu(const struct domain *d, uint32_t id)
{
	return id < d->max_vcpus ? load_acquire(&d->vcpu[id]) : NULL;
}

#define for_each_vcpu(d, v) \
	for (unsigned int i_ = 0; i_ < (d)->max_vcpus; i_++) \
		if (((v) = READ_ONCE((d)->vcpu[i_])) != NULL)

#endif
