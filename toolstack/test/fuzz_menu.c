/*
 * Fuzzer of the readers of boot menus: whatever the text is, they come back,
 * and what they found is whole.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/bootloader/menu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(struct menu *m)
{
	const struct menu_entry *e = menu_choose(m, NULL);

	if (e && (!e->kernel || e->nr_ramdisks > MENU_RAMDISKS))
		abort();
	for (unsigned int i = 0; i < m->count; i++)
		if (m->entries[i].place)
			(void)menu_choose(m, m->entries[i].place);
	menu_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *half = text + size / 2;
	struct menu m;

	if (!menu_read_legacy(&m, text, size))
		use(&m);
	if (!menu_read_grub(&m, text, size, NULL, 0))
		use(&m);
	if (!menu_read_grub(&m, text, size / 2, half, size - size / 2))
		use(&m);
	return 0;
}
