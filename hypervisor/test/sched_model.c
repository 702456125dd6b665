/* Divisible machines and plain turns: see sched_model.h. */
#include "sched_model.h"

#include <stdlib.h>

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

static nsec_t vary(nsec_t ns, uint32_t *seed)
{
	return ns / 2 + ns * (next_random(seed) % 1025) / 1024;
}

void program_round(struct program *p, nsec_t *run, nsec_t *sleep)
{
	*run = p->seed ? vary(p->run, &p->seed) : p->run;
	*sleep = p->seed ? vary(p->sleep, &p->seed) : p->sleep;
}

/* --- division by weights -------------------------------------------------- */

/* Whose CPUs all lie in s: how much they have, how much they may grow by. */
static double level_of(const struct claim *c, unsigned int n, uint64_t s,
		       const bool *fixed)
{
	double room = __builtin_popcountll(s), weight = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!(c[i].affinity & ~s)) {
			room -= fixed[i] ? c[i].share : 0;
			weight += fixed[i] ? 0 : c[i].weight;
		}
	return weight > 0 ? max(room, 0.0) / weight : 1e9;
}

static unsigned int affinities(const struct claim *c, unsigned int n,
			       uint64_t cpus, uint64_t *found)
{
	unsigned int i, k, count = 0;

	for (i = 0; i < n; i++) {
		for (k = 0; k < count && found[k] != (c[i].affinity & cpus);
		     k++)
			;
		if (k == count && count < 8)
			found[count++] = c[i].affinity & cpus;
	}
	return count;
}

/* The union of CPUs that fills up first; its level. */
static double bottleneck(const struct claim *c, unsigned int n,
			 const uint64_t *masks, unsigned int count,
			 const bool *fixed, uint64_t *where)
{
	double least = 1e9, level;
	unsigned int i, pick;
	uint64_t s;

	for (pick = 1; pick < 1u << count; pick++) {
		for (i = 0, s = 0; i < count; i++)
			s |= pick >> i & 1 ? masks[i] : 0;
		level = level_of(c, n, s, fixed);
		if (level < least) {
			least = level;
			*where = s;
		}
	}
	return least;
}

/*
 * All shares rise together, each as fast as its weight, until a set of CPUs is
 * full or somebody is at his limit: those stay, the others go on.
 */
void water_fill(struct claim *c, unsigned int n, uint64_t cpus)
{
	bool *fixed = calloc(n, sizeof(*fixed));
	unsigned int i, count, left = n;
	uint64_t masks[8], where = 0;
	double level, limit;

	for (i = 0; i < n; i++)
		c[i].affinity &= cpus;
	count = affinities(c, n, cpus, masks);
	while (left) {
		level = bottleneck(c, n, masks, count, fixed, &where);
		for (i = 0, limit = 1e9; i < n; i++)
			if (!fixed[i])
				limit = min(limit, c[i].limit / c[i].weight);
		for (i = 0; i < n; i++) {
			if (fixed[i])
				continue;
			if (limit < level ? c[i].limit / c[i].weight > limit :
			    (c[i].affinity & ~where) != 0)
				continue;
			c[i].share = min(limit, level) * c[i].weight;
			fixed[i] = true;
			left--;
		}
	}
	free(fixed);
}

/* --- programs on a model -------------------------------------------------- */

static void begin_round(struct modelled *m)
{
	program_round(&m->p, &m->left, &m->sleep);
}

static bool wants(const struct modelled *m)
{
	return !m->wake_at;
}

/* m computed for ns. True when it goes to sleep. */
static bool computed(struct modelled *m, nsec_t t, nsec_t ns)
{
	m->got += ns;
	if (!m->p.run)
		return false;
	m->left -= min(m->left, ns);
	if (m->left)
		return false;
	m->wake_at = t + m->sleep;
	begin_round(m);
	return true;
}

static bool woke(struct modelled *m, nsec_t t)
{
	if (!m->wake_at || m->wake_at > t)
		return false;
	m->wake_at = 0;
	m->since = t;
	return true;
}

static void divide(struct modelled *m, unsigned int n, unsigned int cpus,
		   struct claim *c)
{
	unsigned int i, k;

	for (i = 0, k = 0; i < n; i++)
		if (wants(&m[i]))
			c[k++] = (struct claim){ m[i].weight, 1,
						 m[i].affinity, 0 };
	water_fill(c, k, cpus < 64 ? (1UL << cpus) - 1 : ~0UL);
	for (i = 0, k = 0; i < n; i++)
		m[i].owed = wants(&m[i]) ? c[k++].share : 0;
}

void model_fluid(struct modelled *m, unsigned int n, unsigned int cpus,
		 nsec_t time, nsec_t step)
{
	struct claim *c = calloc(n, sizeof(*c));
	bool changed = true;
	unsigned int i;
	nsec_t t;

	for (i = 0; i < n; i++)
		begin_round(&m[i]);
	for (t = 0; t < time; t += step) {
		for (i = 0; i < n; i++)
			changed |= woke(&m[i], t);
		if (changed)
			divide(m, n, cpus, c);
		changed = false;
		for (i = 0; i < n; i++)
			if (wants(&m[i]))
				changed |= computed(&m[i], t, (nsec_t)
					(m[i].owed * (double)step + 0.5));
	}
	free(c);
}

void model_turns(struct modelled *m, unsigned int n, unsigned int cpus,
		 nsec_t time, nsec_t step, nsec_t slice)
{
	/* A ring: queue[first] is next; at most n wait or run. */
	unsigned int *queue = calloc(n, sizeof(*queue));
	unsigned int i, k, first = 0, count = 0, busy = 0;
	nsec_t t;

	for (i = 0; i < n; i++) {
		begin_round(&m[i]);
		queue[count++] = i;
	}
	for (t = 0; t < time; t += step) {
		for (i = 0; i < n; i++)
			if (woke(&m[i], t))
				queue[(first + count++) % n] = i;
		for (; busy < cpus && count; busy++, count--) {
			k = queue[first];
			first = (first + 1) % n;
			m[k].runs = true;
			m[k].waited = max(m[k].waited, t - m[k].since);
			m[k].since = t;
		}
		for (i = 0; i < n; i++) {
			if (!m[i].runs)
				continue;
			if (computed(&m[i], t, step)) {
				m[i].runs = false;
				busy--;
			} else if (t - m[i].since >= slice && count) {
				m[i].runs = false;
				m[i].since = t;
				busy--;
				queue[(first + count++) % n] = i;
			}
		}
	}
	free(queue);
}
