/* Offsets in struct cpu_user_regs for assembly; checked in cpu/trap.c. */
#ifndef PV_REGS_H
#define PV_REGS_H

#define R_VECTOR 124
#define R_RIP 128
#define R_CS 136
#define R_RFLAGS 144
#define R_RSP 152
#define R_SS 160
#define REGS_SIZE 200
#ifdef __ASSEMBLY__
#define MAX_CPUS 64
#endif

#endif
