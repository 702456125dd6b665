/*
 * Included before every file. The image is one program at one address: no
 * symbol is ever looked up at run time, so all may be reached relative to rip.
 */
#ifndef __ASSEMBLY__
#pragma GCC visibility push(hidden)
#endif
