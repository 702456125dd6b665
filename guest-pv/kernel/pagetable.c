/*
 * Page tables. We keep the ones that the builder made and add to them. Every
 * table lies in the bootstrap allocation or in the arena, so a table's
 * entries can be read at mfn_to_virt() of its frame; they are written by
 * hypercall only.
 */
#include "kernel.h"

uint64_t *kernel_l4(void)
{
	return (uint64_t *)start_info->pt_base;
}

uint64_t *pt_entry_in(uint64_t *root, unsigned long va, int level)
{
	uint64_t *table = root;

	for (int l = 4; l > level; l--) {
		uint64_t entry = READ_ONCE(table[pt_index(va, l)]);

		if (!(entry & PTE_P))
			return NULL;
		table = mfn_to_virt(pte_mfn(entry));
	}
	return &table[pt_index(va, level)];
}

uint64_t *pt_entry(unsigned long va, int level)
{
	return pt_entry_in(kernel_l4(), va, level);
}

uint64_t pt_read(unsigned long va)
{
	uint64_t *entry = pt_entry(va, 1);

	return entry ? READ_ONCE(*entry) : 0;
}

long pt_write_maddr(uint64_t ptr, uint64_t value)
{
	struct mmu_update u = { .ptr = ptr, .val = value };

	return hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
}

long pt_write(const uint64_t *entry, uint64_t value)
{
	return pt_write_maddr(virt_to_maddr(entry), value);
}

void pt_map_in(uint64_t *root, unsigned long va, uint64_t pte)
{
	long rc;

	for (int level = 4; level > 1; level--) {
		uint64_t *entry = pt_entry_in(root, va, level);
		void *table;

		if (READ_ONCE(*entry) & PTE_P)
			continue;
		table = page_alloc();
		rc = page_set_ro(table);
		if (!rc)
			rc = pt_write(entry,
				      mfn_pte(virt_to_mfn(table), PTE_RWX));
		if (rc)
			panic("table of level %d for %#lx: %ld", level - 1,
			      va, rc);
	}
	rc = pt_write(pt_entry_in(root, va, 1), pte);
	if (rc)
		panic("mapping %#lx: %ld", va, rc);
	mmuext(MMUEXT_INVLPG_LOCAL, va, 0);
}

void pt_map(unsigned long va, uint64_t pte)
{
	pt_map_in(kernel_l4(), va, pte);
}

long page_set_ro(const void *va)
{
	return hcall_update_va_mapping(va, mfn_pte(virt_to_mfn(va), PTE_ROX),
				       UVMF_INVLPG | UVMF_ALL);
}

long page_set_rw(const void *va)
{
	return hcall_update_va_mapping(va, mfn_pte(virt_to_mfn(va), PTE_RWX),
				       UVMF_INVLPG | UVMF_ALL);
}

long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.linear_addr = arg1;
	op.arg2.src_mfn = arg2;		/* the widest member of the union */
	return hcall_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long page_pin(const void *va, unsigned int cmd)
{
	return mmuext(cmd, virt_to_mfn(va), 0);
}

long page_unpin(const void *va)
{
	return mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(va), 0);
}
