/*
 * libvane: create, control and inspect PV domains of a hypervisor that speaks
 * the Xen 4.17 interface. The `vane` command line is a thin layer over it:
 * each action of a command is one call that another program could make.
 *
 * Conventions. Functions return 0 or a negative errno; results come through
 * pointers, which stay untouched on failure. Who knows the cause of a failure
 * tells it once, as text with the object's name, through the connection's
 * message function (standard error unless set). Memory that a function hands
 * out is freed by the `_free` function named beside it, which accepts the
 * empty thing and may be called twice.
 *
 * A `struct vane` serves one thread at a time. Separate connections are
 * independent, also in different processes: creation of domains is guarded
 * by a lock file where it has to be.
 *
 * Sizes are in KiB where a name ends in _kib, else in bytes.
 */
#ifndef TOOLSTACK_LIBVANE_H
#define TOOLSTACK_LIBVANE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the connection ------------------------------------------------------ */

struct vane;
struct vane_report;

enum vane_level {
	VANE_ERROR,	/* why a call failed */
	VANE_WARNING,	/* something that the user should mend */
	VANE_NOTE,	/* progress, for -v */
};

/** Receives one message, a line without its end. */
typedef void vane_message_fn(void *arg, enum vane_level level,
			     const char *text);

/**
 * Connects to the hypervisor; the store is connected on first use.
 * Returns NULL and errno, after telling why through @fn (NULL: to standard
 * error, without notes).
 */
struct vane *vane_open(vane_message_fn *fn, void *arg);

/**
 * The errno of the error that is being told, for the message function: it is
 * a program's handle on what the text tells people. 0: none was told.
 */
int vane_error(const struct vane *v);

/** Disconnects and frees. @v may be NULL. */
void vane_close(struct vane *v);

/* --- the host ------------------------------------------------------------ */

struct vane_host {
	unsigned int major, minor;	/* interface version */
	char extra[16];			/* ".7" */
	char capabilities[1024];	/* guest types, separated by blanks */
	char changeset[64];
	char command_line[1024];
	char compiler[64], compiled_by[16], compile_domain[32];
	char compile_date[32];
	char build_id[64];		/* hexadecimal; empty: has none */
	uint64_t virt_start;		/* first address of the hypervisor */
	unsigned int page_size;
	unsigned int nr_cpus, max_cpu_id, nr_nodes;
	unsigned int cores_per_socket, threads_per_core;
	unsigned int cpu_khz;
	uint32_t hw_cap[8];
	uint32_t capability_bits;	/* XEN_SYSCTL_PHYSCAP_* */
	uint64_t total_kib, free_kib;	/* free counts frames to be scrubbed */
	uint64_t outstanding_kib;	/* claimed, not yet populated */
	int64_t sharing_freed_pages;	/* -1: hypervisor does not know */
	int64_t sharing_used_pages;
	unsigned int free_cpus;		/* in no pool */
	char scheduler[16];
};

/** Asks everything about the host at once. */
int vane_host_info(struct vane *v, struct vane_host *host);

/** Only the memory of the host: total and free. Cheaper. */
int vane_host_memory(struct vane *v, uint64_t *total_kib, uint64_t *free_kib);

/**
 * Reads the hypervisor's log. *@text is NUL-terminated and freed by free().
 * @clear: also empty it.
 */
int vane_host_log(struct vane *v, bool clear, char **text);

/** Where the CPUs and the memory of the host are. */
struct vane_topology {
	unsigned int nr_cpus;		/* entries of `cpus` */
	struct {
		uint32_t core, socket, node;	/* ~0: not there */
	} *cpus;
	unsigned int nr_nodes;
	struct {
		uint64_t size, free;	/* bytes */
	} *nodes;
	uint32_t *distances;		/* nr_nodes * nr_nodes */
};
int vane_topology(struct vane *v, struct vane_topology *t);
void vane_topology_free(struct vane_topology *t);

/** Presses the hypervisor's debug keys. */
int vane_debug_keys(struct vane *v, const char *keys);

/* --- domains: what there is ---------------------------------------------- */

/* Why a domain shut down; values of the published interface. */
enum vane_shutdown {
	VANE_POWEROFF, VANE_REBOOT, VANE_SUSPEND, VANE_CRASH, VANE_WATCHDOG,
	VANE_SOFT_RESET,
};

struct vane_domain {
	uint32_t domid;
	char *name;			/* NULL: has none in the store */
	uint8_t uuid[16];
	uint64_t memory_kib;		/* owned and claimed */
	uint64_t claimed_kib;		/* of it, not yet owned */
	unsigned int pool;		/* id of its CPU pool */
	uint64_t max_kib;
	unsigned int online_vcpus, max_vcpus;
	uint64_t cpu_ns;
	bool running, blocked, paused, shutdown, dying;
	unsigned int shutdown_reason;	/* enum vane_shutdown, if shutdown */
	int error;			/* it could not be read: -errno */
};

/**
 * Lists all domains, in the order of their ids. The list is one allocation
 * chain, freed by vane_domains_free().
 */
int vane_domains(struct vane *v, struct vane_domain **list,
		 unsigned int *count);
void vane_domains_free(struct vane_domain *list, unsigned int count);

/** One domain, or -ESRCH. Free with vane_domains_free(d, 1). */
int vane_domain_get(struct vane *v, uint32_t domid, struct vane_domain **d);

/**
 * Finds the domain that a user means: by id (only digits), name or UUID.
 * -ESRCH after a message when there is none.
 */
int vane_domain_find(struct vane *v, const char *text, uint32_t *domid);

/** Name of a domain, freed by free(); -ENOENT when it has none. */
int vane_domain_name(struct vane *v, uint32_t domid, char **name);

struct vane_vcpu {
	bool online, blocked, running;
	uint64_t cpu_ns;
	unsigned int cpu;
	uint8_t hard[128], soft[128];	/* bitmaps of 1024 CPUs */
};

/** vCPU @vcpu of @domid; -ENOENT or -EINVAL when there is none. */
int vane_vcpu_get(struct vane *v, uint32_t domid, unsigned int vcpu,
		  struct vane_vcpu *info);

/** When the domain was started, in seconds since 1970; -ENOENT: unknown. */
int vane_domain_started(struct vane *v, uint32_t domid, int64_t *since);

/* --- configuration ------------------------------------------------------- */

enum vane_action {
	VANE_ACT_DESTROY, VANE_ACT_RESTART, VANE_ACT_RENAME_RESTART,
	VANE_ACT_PRESERVE, VANE_ACT_COREDUMP_DESTROY,
	VANE_ACT_COREDUMP_RESTART, VANE_ACT_SOFT_RESET,
};

enum vane_backend {
	VANE_BACKEND_DEFAULT,	/* what vane.conf says */
	VANE_BACKEND_OURS,	/* vane-vbd, vane-vif */
	VANE_BACKEND_KERNEL,	/* vbd, vif: the kernel's drivers in Dom0 */
};

enum vane_disk_format {
	VANE_DISK_RAW, VANE_DISK_EMPTY,
	/* Served by our back end alone. */
	VANE_DISK_QCOW, VANE_DISK_QCOW2, VANE_DISK_VHD, VANE_DISK_QED,
	VANE_DISK_VMDK,
};

/* An answer that may have been left open. */
enum vane_choice { VANE_OPEN, VANE_NO, VANE_YES };

struct vane_disk {
	char *target;			/* path, or URI of a network disk;
					 * NULL: an empty drive */
	char *vdev;			/* as written: xvda, sda1, 51712 */
	char *script;			/* as written; NULL: none */
	char *backend_domain;		/* NULL: Domain-0 */
	char *backend_type;		/* as written: phy, qdisk; or NULL */
	char *specification;		/* as written: xen, virtio; or NULL */
	unsigned int devid;		/* number of vdev in the interface */
	enum vane_disk_format format;
	enum vane_backend backend;
	bool readonly, cdrom, direct_io_safe;
	enum vane_choice discard, trusted; /* open: yes */
	/* What it may do in a second, 0: anything; and may save up, 0: some. */
	uint64_t rate, rate_burst;	/* bytes */
	uint64_t iops, iops_burst;	/* requests */
	unsigned int line;		/* where it was written */
};

struct vane_nic {
	unsigned int devid;
	uint8_t mac[6];			/* all zero: choose one */
	char *bridge;			/* NULL: from vane.conf, xenbr0 */
	char *vifname;			/* NULL: vifN.D */
	char *ip, *script, *gatewaydev;	/* NULL: none; script as written */
	char *backend_domain;		/* NULL: Domain-0 */
	char *model, *type;		/* as written: only to be described */
	uint64_t rate_bytes;		/* per interval; 0: no limit */
	uint32_t rate_usec;
	unsigned int mtu;		/* 0: the bridge's */
	enum vane_backend backend;
	enum vane_choice trusted;	/* open: yes */
	bool antispoof;			/* it sends from its own mac alone */
	unsigned int line;
};

/* Settings that were written, where that is not the same as their value. */
enum {
	VANE_SAID_VCPUS = 1, VANE_SAID_MAXVCPUS = 2, VANE_SAID_WEIGHT = 4,
	VANE_SAID_CAP = 8, VANE_SAID_EVENT_CHANNELS = 16,
};

struct vane_other;			/* a setting that is only described */

struct vane_config {
	char *name, *kernel, *ramdisk, *cmdline, *pool;
	/* What those files are called where the boot loader has put them
	 * without a name; NULL: as they are. Set by vane_create(). */
	const char *kernel_name, *ramdisk_name;
	/*
	 * A program that takes the kernel out of the first disk; kernel and
	 * ramdisk are then files of that disk, or NULL.
	 */
	char *bootloader, **bootloader_args;
	unsigned int nr_bootloader_args;
	uint8_t uuid[16];		/* all zero: choose one */
	uint64_t memory_kib, maxmem_kib;
	unsigned int vcpus, maxvcpus;
	char **cpus, **cpus_soft;	/* one list for all, or one per vCPU */
	unsigned int nr_cpus, nr_cpus_soft;
	bool cpus_per_vcpu, cpus_soft_per_vcpu;
	unsigned int weight, cap;	/* weight 0: scheduler's default */
	int max_grant_frames, max_maptrack_frames; /* -1: default */
	unsigned int max_event_channels;
	unsigned int tsc_mode;
	enum vane_action on_poweroff, on_reboot, on_crash, on_watchdog;
	bool nomigrate;
	unsigned int said;		/* VANE_SAID_* */
	struct vane_other *others;
	unsigned int nr_others;
	struct vane_disk *disks;
	unsigned int nr_disks;
	struct vane_nic *nics;
	unsigned int nr_nics;
};

/* One thing found in a configuration. Texts belong to the report. */
struct vane_finding {
	enum vane_level level;		/* VANE_ERROR or VANE_WARNING */
	char *file;
	unsigned int line, column;	/* from 1; 0: no place */
	char *key;			/* NULL: syntax */
	char *text;			/* what was found, what is allowed */
};

struct vane_report {
	struct vane_finding *findings;
	unsigned int count, errors;
	/* What a domain here cannot have is a warning: for converting. */
	bool describe;
};

void vane_report_free(struct vane_report *report);

/**
 * Reads a domain configuration in the xl.cfg syntax.
 *
 * @file: name for messages. @text, @len: the file's content.
 * @extra: NULL-terminated array of `key=value` statements that come after
 *         the file (overrides of the command line), or NULL.
 * @report: receives all errors and warnings, not only the first; free it
 *          with vane_report_free() in every case.
 *
 * Returns 0 with *@config filled (free with vane_config_free()), or -EINVAL
 * when the report holds an error. Pure: no system call, no global state.
 */
int vane_config_parse(struct vane_config *config, const char *file,
		      const char *text, size_t len, const char *const *extra,
		      struct vane_report *report);
void vane_config_free(struct vane_config *config);

/** Receives a piece of a text. */
typedef void vane_print_fn(void *arg, const char *text, size_t len);

/**
 * Writes a configuration as xl's JSON, the form of `xl create -n` and of
 * `xl list -l`. @cpus: how many CPUs the host has, which "all" means.
 */
int vane_config_json(const struct vane_config *config, unsigned int cpus,
		     vane_print_fn *print, void *arg);

/** Reads that form; findings name the member. */
int vane_config_from_json(struct vane_config *config, const char *file,
			  const char *text, size_t len,
			  struct vane_report *report);

/** Writes a configuration in the syntax of xl.cfg. */
int vane_config_text(const struct vane_config *config, vane_print_fn *print,
		     void *arg);

/**
 * Leaves a configuration for the domain's next restart. It is kept until the
 * domain is gone.
 */
int vane_config_save(struct vane *v, uint32_t domid,
		     const struct vane_config *config);

/**
 * Puts what was left into the place of @config, if anything was; UUID and MAC
 * addresses stay where it says none. For who is about to restart the domain,
 * before it is removed.
 */
int vane_config_take_saved(struct vane *v, uint32_t domid,
			   struct vane_config *config);

/**
 * One disk or one interface as it stands in a configuration's list. 0 with
 * the result filled, or -EINVAL with findings in @report.
 */
int vane_disk_parse(struct vane_disk *disk, const char *text,
		    struct vane_report *report);
int vane_nic_parse(struct vane_nic *nic, const char *text,
		   struct vane_report *report);
void vane_disk_free(struct vane_disk *disk);
void vane_nic_free(struct vane_nic *nic);

/* --- domains: what is done to them --------------------------------------- */

struct vane_create_options {
	bool paused;			/* do not let it run */
	bool terminal;			/* standard input and output are one
					 * that a boot loader may use */
};

/**
 * Builds a domain and starts it: check, claim memory, build, store entries,
 * devices, unpause. A failure undoes all of it, in reverse.
 * *@domid: the new domain.
 *
 * What @config leaves open of UUID and MAC addresses is chosen and written
 * there, so that the next domain made of it is the same machine. Forks a
 * process that loads the kernel and ends; messages may come from there.
 */
int vane_create(struct vane *v, struct vane_config *config,
		const struct vane_create_options *options, uint32_t *domid);

int vane_pause(struct vane *v, uint32_t domid);
int vane_unpause(struct vane *v, uint32_t domid);

/**
 * Asks the guest to shut down or to reboot, and waits until it has taken
 * the request. -EOPNOTSUPP: it does not listen; -ETIMEDOUT: it did not
 * answer within a minute.
 */
int vane_shutdown(struct vane *v, uint32_t domid, bool reboot);

/**
 * Waits until the domain has shut down or is gone. @timeout_ms -1: for ever.
 * *@reason: enum vane_shutdown, or -1 when it vanished. -ETIMEDOUT.
 */
int vane_wait_shutdown(struct vane *v, uint32_t domid, int timeout_ms,
		       int *reason);

/** Waits until the domain is gone. */
int vane_wait_gone(struct vane *v, uint32_t domid, int timeout_ms);

/**
 * Ends a domain at once and removes all that belongs to it: devices, store
 * nodes, memory. Returns when it is really gone; -EBUSY after a message when
 * somebody holds on to its memory.
 */
int vane_destroy(struct vane *v, uint32_t domid);

/* --- domains: vCPUs, memory, scheduling ---------------------------------- */

/**
 * Sets where a vCPU may run (@hard) and would best run (@soft): bitmaps of
 * 1024 CPUs, NULL leaves one as it is. @force: undoes a pin of the kernel's
 * own. -EINVAL after a message when no CPU is left.
 */
int vane_vcpu_pin(struct vane *v, uint32_t domid, unsigned int vcpu,
		  const uint8_t *hard, const uint8_t *soft, bool force);

/**
 * Reads a list of CPUs as a user writes it: "0,2-3,^2", "all", "node:0". What
 * the host does not have is left out. -EINVAL after a message.
 */
int vane_cpulist(struct vane *v, const char *text, uint8_t map[128]);

/** Asks the guest to have the first @count of its vCPUs online. */
int vane_vcpus_set(struct vane *v, uint32_t domid, unsigned int count);

/** The guest's memory target: it is asked, and may not have more. */
int vane_memory_set(struct vane *v, uint32_t domid, uint64_t kib);

/** How much memory the hypervisor lets the domain have at most. */
int vane_memory_max(struct vane *v, uint32_t domid, uint64_t kib);

struct vane_sched {
	const char *scheduler;		/* of its pool; constant */
	unsigned int weight, cap;
	unsigned int warp_us, warp_limit_us, unwarp_us; /* bvt's alone */
};

/** Share and limit of CPU time. -EOPNOTSUPP: the scheduler has none. */
int vane_sched_get(struct vane *v, uint32_t domid, struct vane_sched *s);
int vane_sched_set(struct vane *v, uint32_t domid,
		   const struct vane_sched *s);

/** Sends a magic SysRq key to the guest's kernel. */
int vane_sysrq(struct vane *v, uint32_t domid, char key);

/** Sends "nmi", "reset", "init", "power", "sleep" or "s3resume". */
int vane_trigger(struct vane *v, uint32_t domid, const char *name,
		 unsigned int vcpu);

/* --- CPU pools ----------------------------------------------------------- */

struct vane_pool {
	unsigned int id;
	char name[64];			/* from the store; Pool-N without */
	char scheduler[16];
	unsigned int nr_domains, nr_cpus;
	uint8_t cpus[128];
};

/**
 * What a scheduler has for the whole of a pool. bvt's slice is its context-switch
 * allowance; credit2 has the rate limit alone.
 */
struct vane_pool_sched {
	unsigned int tslice_ms, ratelimit_us, migration_delay_us;
};

/** All pools, freed by free(). */
int vane_pools(struct vane *v, struct vane_pool **list, unsigned int *count);

/** A pool by id or name; -ENOENT after a message. */
int vane_pool_find(struct vane *v, const char *text, struct vane_pool *pool);

/** @scheduler NULL: the host's. Nothing is left of a pool that fails. */
int vane_pool_create(struct vane *v, const char *name, const char *scheduler,
		     const uint8_t cpus[128], unsigned int *id);
int vane_pool_destroy(struct vane *v, unsigned int id);
int vane_pool_rename(struct vane *v, unsigned int id, const char *name);

/** A pool as xlcpupool.cfg describes one; what was not said is NULL. */
struct vane_pool_config {
	char *name, *scheduler, *cpus, *nodes;
};

/** As vane_config_parse(): 0, or -EINVAL with findings. Pure. */
int vane_pool_config_parse(struct vane_pool_config *config, const char *file,
			   const char *text, size_t len,
			   const char *const *extra,
			   struct vane_report *report);
void vane_pool_config_free(struct vane_pool_config *config);

/** Which CPUs it means here: those named, or the first free one. */
int vane_pool_choose(struct vane *v, const struct vane_pool_config *config,
		     uint8_t map[128]);

/** Gives a pool one CPU more (@add) or less. */
int vane_pool_cpu(struct vane *v, unsigned int id, unsigned int cpu, bool add);

/** Moves a domain. -ENODEV: the pool has no CPU; each after a message. */
int vane_pool_move(struct vane *v, unsigned int id, uint32_t domid);

int vane_pool_sched_get(struct vane *v, const struct vane_pool *pool,
			struct vane_pool_sched *s);
int vane_pool_sched_set(struct vane *v, const struct vane_pool *pool,
			const struct vane_pool_sched *s);

/* --- the scheduler's trace ------------------------------------------------- */

/** One event: numbers and words of <xen/trace.h>. */
struct vane_trace_record {
	unsigned int cpu;
	double us;			/* since the first one */
	uint32_t event;
	unsigned int nr_words;
	uint32_t words[7];
};

/**
 * Traces the scheduler's events from here on; one reader at a time. Closing ends
 * it. What a CPU could not keep it tells by TRC_LOST_RECORDS.
 */
struct vane_trace;
int vane_trace_open(struct vane *v, struct vane_trace **trace);
/** The earliest that is there; false: none, just now. */
bool vane_trace_next(struct vane_trace *t, struct vane_trace_record *record);
void vane_trace_close(struct vane_trace *t);

/* --- devices of a running domain ----------------------------------------- */

/** One device as its domain has it. Numbers are -1 where there are none. */
struct vane_device {
	unsigned int devid, back_domid;
	int state, port, ring_ref, ring_ref_2; /* of a vif: tx, rx */
	char backend[128];		/* its directory in the store */
	char script[128];
	char mac[18], bridge[16], ip[64]; /* of a vif */
	char vdev[32], target[256];	/* of a vbd */
	bool readonly, cdrom;
};

/**
 * The devices of @kind "vbd" or "vif" of a domain. *@list is freed by free().
 */
int vane_devices(struct vane *v, uint32_t domid, const char *kind,
		 struct vane_device **list, unsigned int *count);

/**
 * Gives a domain one more disk or interface (devid ~0: the first free one),
 * and waits until its back end is there. -EEXIST when it has one of that
 * number. A failure leaves nothing behind.
 */
int vane_disk_attach(struct vane *v, uint32_t domid,
		     const struct vane_disk *disk);
int vane_nic_attach(struct vane *v, uint32_t domid,
		    const struct vane_nic *nic);

/**
 * Takes a device away: asks the guest to let go and waits for it; -EBUSY when
 * it does not within 10 s. @force: without asking. -ENOENT: has none.
 */
int vane_device_detach(struct vane *v, uint32_t domid, const char *kind,
		       unsigned int devid, bool force);

/* What a disk has done since it was attached. */
struct vane_disk_counts {
	uint64_t reads, writes, flushes, discards;	/* requests */
	uint64_t failed;		/* 0 where nobody counts them */
	uint64_t read_bytes, write_bytes;
};

/**
 * Reads them, of either back end. -ENOENT: the disk is not there, or not
 * served. They go on while they are read.
 */
int vane_disk_counts(uint32_t domid, const struct vane_device *disk,
		     struct vane_disk_counts *counts);

/**
 * Lets a guest see that its disk has got larger. @size: makes the disk's file
 * that large first, in bytes; 0: somebody has done so. With the kernel's back
 * end the guest sees it at its next request.
 */
int vane_disk_resize(struct vane *v, uint32_t domid, const char *vdev,
		     uint64_t size);

/**
 * Gives the domain another name. -EEXIST when another domain has it.
 */
int vane_rename(struct vane *v, uint32_t domid, const char *name);

/**
 * Gives a domain another name and another UUID, so that a new one can take
 * its place while it stays.
 */
int vane_set_aside(struct vane *v, uint32_t domid, const char *name);

/**
 * Writes the domain's memory and registers to a new file at @path: an ELF
 * file in the format of Xen's tools. It stands still meanwhile. Needs a
 * kernel that publishes its P2M list, as Linux does: -ENODATA.
 */
int vane_dump_core(struct vane *v, uint32_t domid, const char *path);

/**
 * Path of the terminal on which the console daemon shows the domain's
 * console. Waits up to @timeout_ms for the daemon to publish it. *@tty is
 * freed by free().
 */
int vane_console_tty(struct vane *v, uint32_t domid, int timeout_ms,
		     char **tty);

/* The connection's store, for programs that look at nodes themselves. */
struct store;
int vane_store(struct vane *v, struct store **store);

#endif
