/*
 * A plugin for QEMU that counts what forgets address translations: loads of
 * CR3, writes of CR4 (its global-page bit is the way to forget everything),
 * and INVLPG. Instruction counts do not see them, and on a real processor
 * they are dear.
 *
 *	-plugin build/bench/flushes.so,out=PATH
 *
 * Counting runs from a begin mark to an end mark of the guest
 * (guest-pv/include/marks.h); each end adds the line "CR3 CR4 INVLPG" to the
 * file. Instructions are told by their bytes when QEMU translates them. What
 * a guest executes that the hypervisor then does for it counts once: the
 * guest's own instruction traps before it is over, and stands nowhere in the
 * kernels that run here.
 *
 * Counters are plain: with -icount QEMU runs all processors in one thread.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "guest-pv/include/marks.h"

/*
 * What is used of QEMU's plugin interface, version 1; Debian 12 packs no
 * header of it. See "QEMU TCG Plugins" in QEMU's developer documentation.
 */
#define PUBLIC __attribute__((visibility("default")))
#define NO_REGISTERS 0
#define INLINE_ADD_U64 0
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
typedef uint64_t plugin_id;
typedef void tb_translated(plugin_id id, struct qemu_plugin_tb *tb);
typedef void insn_executed(unsigned int vcpu, void *arg);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, tb_translated *fn);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
	const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
	int operation, void *counter, uint64_t add);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
	insn_executed *fn, int registers, void *arg);
PUBLIC int qemu_plugin_install(plugin_id id, const struct qemu_info *info,
			       int argc, char **argv);

PUBLIC int qemu_plugin_version = 1;

enum kind { CR3_LOAD, CR4_WRITE, INVLPG, KINDS, BEGIN = KINDS, END, OTHER };

static uint64_t counters[KINDS], begun[KINDS];
static FILE *out;

static enum kind mark_kind(const uint8_t *code)
{
	uint32_t number;

	memcpy(&number, code, sizeof(number));
	return number == MARK_BEGIN ? BEGIN : number == MARK_END ? END : OTHER;
}

/* Intel SDM volume 2: MOV to control registers, INVLPG, multi-byte NOP. */
static enum kind insn_kind(const uint8_t *code, size_t size)
{
	if (size && (code[0] & 0xf0) == 0x40) {		/* REX */
		code++;
		size--;
	}
	if (size < 3 || code[0] != 0x0f)
		return OTHER;
	if (code[1] == 0x22 && (code[2] & 0x38) == 3 << 3)
		return CR3_LOAD;
	if (code[1] == 0x22 && (code[2] & 0x38) == 4 << 3)
		return CR4_WRITE;
	if (code[1] == 0x01 && (code[2] & 0x38) == 7 << 3 && code[2] < 0xc0)
		return INVLPG;
	if (code[1] == 0x1f && code[2] == 0x80 && size == 7)
		return mark_kind(code + 3);
	return OTHER;
}

static void on_begin(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	memcpy(begun, counters, sizeof(begun));
}

static void on_end(unsigned int vcpu, void *arg)
{
	(void)vcpu;
	(void)arg;
	for (int i = 0; i < KINDS; i++)
		fprintf(out, "%llu%c",
			(unsigned long long)(counters[i] - begun[i]),
			i == KINDS - 1 ? '\n' : ' ');
	fflush(out);
}

static void on_translated(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		enum kind kind = insn_kind(qemu_plugin_insn_data(insn),
					   qemu_plugin_insn_size(insn));

		if (kind < KINDS)
			qemu_plugin_register_vcpu_insn_exec_inline(
				insn, INLINE_ADD_U64, &counters[kind], 1);
		else if (kind != OTHER)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, kind == BEGIN ? on_begin : on_end,
				NO_REGISTERS, NULL);
	}
}

int qemu_plugin_install(plugin_id id, const struct qemu_info *info, int argc,
			char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translated);
	return 0;
}
