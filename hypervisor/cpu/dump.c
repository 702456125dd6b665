/* Registers, stack traces by symbol, and the last words of a panic. */
#include "console.h"
#include "cpu.h"
#include "domain.h"
#include "guest.h"
#include "layout.h"
#include "lib.h"
#include "printk.h"

/* From the linked image, put in by the build (build: symbols). */
struct symbol {
	uint32_t offset;      /* from the image's first byte */
	uint32_t name;        /* from symbol_names */
};

extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];
extern char image_start[], text_end[];

static bool in_text(uint64_t a)
{
	return a >= (uint64_t)image_start && a < (uint64_t)text_end;
}

static void print_address(uint64_t a)
{
	uint32_t rel = (uint32_t)(a - (uint64_t)image_start);
	uint32_t lo = 0, hi = symbol_count, mid;
	const struct symbol *s;

	while (lo + 1 < hi) {
		mid = (lo + hi) / 2;
		if (symbol_table[mid].offset <= rel)
			lo = mid;
		else
			hi = mid;
	}
	s = &symbol_table[lo];
	if (in_text(a) && hi && s->offset <= rel)
		log_line(LOG_ERR, "  [%016lx] %s+%#x", a,
			 symbol_names + s->name, rel - s->offset);
	else
		log_line(LOG_ERR, "  [%016lx] ?", a);
}

/* The instruction before a return address is a call: e8 rel32, or ff /2. */
static bool returns_here(uint64_t a)
{
	const uint8_t *p = (const uint8_t *)a;
	unsigned int len;

	if (!in_text(a) || !in_text(a - 7))
		return false;
	if (p[-5] == 0xe8)
		return true;
	for (len = 2; len <= 7; len++)
		if (p[-(int)len] == 0xff && (p[1 - (int)len] & 0x38) == 0x10)
			return true;
	return false;
}

/*
 * All that looks like a return address between sp and the top of its stack.
 * There are no frame pointers, which every path would pay for: so what an
 * earlier call left behind may stand between the true ones.
 */
static void stack_trace(uint64_t rip, uint64_t sp)
{
	uint64_t end = (sp | (STACK_SIZE - 1)) + 1 - sizeof(struct stack_top);
	unsigned int lines = 0;
	const uint64_t *word;

	print_address(rip);
	if (sp < HV_VIRT_START || sp >= HV_VIRT_END)
		return;
	sp = ROUND_UP(sp, 8UL);
	for (word = (const uint64_t *)sp; (uint64_t)word < end && lines < 24;
	     word++)
		if (returns_here(*word)) {
			print_address(*word);
			lines++;
		}
}

void regs_dump(const struct cpu_user_regs *r)
{
	struct vcpu *v = current;

	log_line(LOG_ERR, "CPU %u, running d%uv%u, %s", this_cpu()->id,
		 v && v->domain ? v->domain->id : 0x7fff, v ? v->id : 0,
		 (r->cs & 3) ? "guest context" : "hypervisor context");
	log_line(LOG_ERR, "rip %04x:%016lx rflags %08lx vector %x error %x",
		 r->cs, r->rip, r->rflags, r->entry_vector, r->error_code);
	log_line(LOG_ERR, "rax %016lx rbx %016lx rcx %016lx rdx %016lx",
		 r->rax, r->rbx, r->rcx, r->rdx);
	log_line(LOG_ERR, "rsi %016lx rdi %016lx rbp %016lx rsp %04x:%016lx",
		 r->rsi, r->rdi, r->rbp, r->ss, r->rsp);
	log_line(LOG_ERR, "r8  %016lx r9  %016lx r10 %016lx r11 %016lx",
		 r->r8, r->r9, r->r10, r->r11);
	log_line(LOG_ERR, "r12 %016lx r13 %016lx r14 %016lx r15 %016lx",
		 r->r12, r->r13, r->r14, r->r15);
	log_line(LOG_ERR, "cr2 %016lx cr3 %016lx", read_cr2(), read_cr3());
	if ((r->cs & 3) == 0)
		stack_trace(r->rip, r->rsp);
}

void panic(const char *fmt, ...)
{
	static bool entered;
	__builtin_va_list ap;
	char line[256];

	if (!entered) {
		entered = true;
		console_force();
		__builtin_va_start(ap, fmt);
		vsnprintf_(line, sizeof(line), fmt, ap);
		__builtin_va_end(ap);
		log_line(LOG_ERR, "PANIC: %s", line);
		stack_trace((uint64_t)__builtin_return_address(0),
			    arch_stack_pointer());
	}
	machine_panic();
}

void assert_failed(const char *expr, const char *file, int line)
{
	panic("assertion failed: %s, %s:%d", expr, file, line);
}
