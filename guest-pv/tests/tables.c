/* Page tables for tests; see tables.h. */
#include "tables.h"

uint64_t *table_new(void)
{
	uint64_t *table = page_alloc();

	PREPARE(page_set_ro(table));
	return table;
}

void table_free(uint64_t *table)
{
	PREPARE(page_set_rw(table));
	page_free(table);
}

struct window window_get(unsigned int n)
{
	struct window w = { .va = TEST_VA + (unsigned long)n * PAGE_SIZE };

	w.entry = pt_entry(w.va, 1);
	if (!w.entry || READ_ONCE(*w.entry))
		pt_map(w.va, 0);
	w.entry = pt_entry(w.va, 1);
	return w;
}

long window_set(const struct window *w, uint64_t pte)
{
	return hcall_update_va_mapping(w->va, pte, UVMF_INVLPG | UVMF_ALL);
}
