/* The configuration for a domain's next start; see config_next.c. */
#ifndef TOOLSTACK_LIBVANE_CONFIG_NEXT_H
#define TOOLSTACK_LIBVANE_CONFIG_NEXT_H

#include <stdint.h>

/* The domain is going: what was left for it goes, too. */
void config_next_remove(uint32_t domid);

#endif
