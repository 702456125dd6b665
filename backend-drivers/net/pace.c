/* See pace.h. */
#include "backend-drivers/net/pace.h"

#define SOON 100u		/* us: events so close together are many */
#define LOOK 60u		/* us between looks */
#define NEEDED_MIN 4u
#define NEEDED_MAX 256u

/* An event brought us here. */
static unsigned int after_event(struct pace *p, uint64_t now)
{
	p->quick = now - p->rested <= SOON ? p->quick + 1 : 0;
	p->rested = now;
	if (!p->needed || !p->quick)
		p->needed = NEEDED_MIN;
	p->polling = p->quick >= p->needed;
	return p->polling ? LOOK : 0;
}

unsigned int pace_next(struct pace *p, unsigned int found, uint64_t now)
{
	if (!p->polling)
		return after_event(p, now);
	if (found > 1) {
		p->needed = NEEDED_MIN;
		return LOOK;
	}
	/* It was not worth it: harder to persuade the next time. */
	p->polling = false;
	p->quick = 0;
	p->rested = now;
	if (p->needed < NEEDED_MAX)
		p->needed *= 2;
	return 0;
}
