/*
 * What assembly must know: the virtual layout of the hypervisor's part of every
 * L4 (slots 256..271), the selectors of the reserved GDT page, entry frames.
 *
 *   256  ffff800000000000  machine-to-physical table, guests read it
 *   261  ffff828000000000  frame records
 *        ffff82a000000000  machine-to-physical table, ours to write
 *        ffff82d000000000  image: address = this + machine address
 *        ffff82e000000000  device memory, boot-time maps
 *        ffff82f000000000  descriptor windows: a few of 32 pages for each CPU
 *   262  ffff830000000000  all RAM, one to one (up to 5 TiB)
 */
#ifndef PV_LAYOUT_H
#define PV_LAYOUT_H

#define M2P_RO_BASE 0xffff800000000000
#ifndef DIRECT_BASE /* the host tests have a place of their own */
#define FRAME_TABLE_BASE 0xffff828000000000
#define DIRECT_BASE 0xffff830000000000
#endif
#define M2P_RW_BASE 0xffff82a000000000
#define IMAGE_BASE 0xffff82d000000000
#define MMIO_BASE 0xffff82e000000000
#define MMIO_END 0xffff82f000000000
#define DESC_BASE 0xffff82f000000000
#define DIRECT_END 0xffff880000000000

/* L4 slots of the hypervisor: [256, 272). */
#define HV_SLOT_FIRST 256
#define HV_SLOT_END 272

/*
 * A descriptor window: pages 0..13 show the guest's GDT frames, page 14 is ours
 * (selectors from 0xe000), 16..31 show the guest's LDT.
 */
#define DESC_PAGES 32
#define DESC_WINDOWS 4 /* for each CPU */
#define DESC_GUEST_PAGES 14
#define DESC_LDT_PAGE 16

#define SEL_HV_CS 0xe008
#define SEL_TSS 0xe040
#define SEL_LDT 0xe050

/* Flat ring-3 selectors of the ABI (FLAT_RING3_* of the public header). */
#define SEL_GUEST_CS32 0xe023
#define SEL_GUEST_SS 0xe02b
#define SEL_GUEST_CS64 0xe033

#define MAX_CPUS 64

#define R_CS 136 /* of cs in struct cpu_user_regs */
/* entry_vector of frames that no exception made. */
#define ENTRY_SYSCALL 0x100
#define ENTRY_SYSCALL32 0x101
#define ENTRY_SYSENTER 0x102

#endif
