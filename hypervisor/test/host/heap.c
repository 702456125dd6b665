/* The heap, which tests can start over: nothing was ever added. */
#include "memory.h"
#include "../../mm/heap.c"

void heap_reset(void)
{
	memset(blocks, 0, sizeof(blocks));
	memset(partial, 0, sizeof(partial));
	free_frames = total_frames = scrubbing = run_len = 0;
}
