/*
 * A model of sched/core.c and sched/place.c for spin: two CPUs and two vCPUs
 * that sleep and wake, are stopped and let go on, and are moved, in every order
 * of the steps in which that may happen. A step is one access to what others
 * read or write without the lock (blocked, parked, on_cpu, affinity, idle_cpus,
 * need_resched, the length of a queue), with what is done beside it under the
 * lock, or by a vCPU with what is its own. The processor's reordering is not modelled: where the
 * code has a barrier, the two steps beside it stand in that order here.
 *
 * Shown: no vCPU is on two CPUs; and once nothing can happen any more,
 *   - nobody sleeps whose event has come (no wake-up is lost), nobody is parked
 *     without a reason, nobody runs with one;
 *   - nobody is runnable and in no queue, nobody is on a CPU that is not his;
 *   - no idle CPU sleeps while a vCPU waits that it may run.
 *
 * Two variables of the environment choose what happens (`scene`) and which of
 * the steps that this rests on is left out (`without`): then spin must find a
 * fault. sched-model runs all of it.
 *
 * Two classes of urgency, `hot` and not, stand for the policy: a vCPU that runs
 * may lose it when it is charged, one that wakes may gain it.
 */
#define WAKE   1                /* each vCPU sleeps, and is woken */
#define STOP   2                /* vCPU 0 is told to stop */
#define RESUME 3                /* ... and to go on */
#define MOVE   4                /* it may no longer run where it does */
#define WIDEN  5                /* vCPU 1 waits, and may run elsewhere, too */
#define PREFER 6                /* vCPU 0 would rather run on the other CPU */

#define EVENT_BEFORE_LOOK   1   /* vcpu_wake(): the condition, then blocked */
#define PREPARE_BEFORE_LOOK 2   /* blocked, then the condition */
#define PARKED_BEFORE_LOOK  3   /* parked, then the reason */
#define KICK_OF_STOPPED     4   /* vcpu_stop(): who is on a CPU is kicked */
#define CLEAR_BEFORE_LOOK   5   /* need_resched, then the queue */
#define IDLE_BEFORE_LOOK    6   /* idle_cpus, then the queues of others */
#define OFFER               7   /* queued, then idle_cpus */
#define OFFER_AFTER_SWITCH  8   /* its stack is free: offered again */
#define RETRY               9   /* a queue whose lock was taken */
#define ON_CPU_OF_STOLEN    10  /* only whose stack is free is taken */
#define ON_CPU_OF_MOVED     11  /* ... or gets another home */
#define HOME_UNDER_LOCK     12  /* the home is looked at again */
#define REHOME_AFTER_SWITCH 13  /* who left a CPU not his finds another */
#define OFFER_AFTER_MOVE    14  /* who may go elsewhere now is offered */

byte scene, without;

#define NCPU 2
#define NV 2
#define IDLE NV
#define NOBODY 255

bool lock[NCPU];
bool need_resched[NCPU];
bool idle_cpus[NCPU];
bool young[NCPU];               /* turn_is_new() of who runs there */
byte curr[NCPU];

bool blocked[NV], parked[NV];
bool on_cpu[NV + 1];            /* of IDLE: of no interest */
bool runnable[NV], queued[NV], hot[NV];
byte home[NV];
byte affinity[NV];              /* bitmap */
byte prefers[NV];               /* ... where it would rather run */

bool event[NV];                 /* what a sleeper waits for */
bool must_stop[NV];

/* Where a vCPU's own program stands. */
mtype = {
	guest, call, prepared, looked, asleep, boundary, must_park, parking
};
mtype pc[NV];
byte sleeps[NV];                /* calls that it still makes */

#define allowed(v, c) ((affinity[v] >> (c)) & 1)
#define likes(v, c) ((prefers[v] >> (c)) & 1)
#define waits(v, c) (queued[v] && home[v] == (c))
#define length(c) (waits(0, c) + waits(1, c))
#define hot_waits(c) ((waits(0, c) && hot[0]) || (waits(1, c) && hot[1]))

#define takes(v, o, c) (waits(v, o) && allowed(v, c) && \
	(!on_cpu[v] || without == ON_CPU_OF_STOLEN))

/* A step that begins with taking a lock: used inside atomic. */
#define take(c) !lock[c]; lock[c] = true

/* offer(v): one other idle CPU that may run it; with two there is but one. */
inline offer(v)
{
	atomic {
		if
		:: without != OFFER && idle_cpus[1 - home[v]] &&
		   allowed(v, 1 - home[v]) ->
			idle_cpus[1 - home[v]] = false;
			need_resched[1 - home[v]] = true
		:: else
		fi
	}
}

/* Inside atomic, home's lock held. A young turn may have grown old by now. */
inline announce(q, v)
{
	if
	:: young[q] -> young[q] = false
	:: true
	fi;
	urgent = curr[q] == IDLE;
	if
	:: !urgent && hot[v] -> urgent = !hot[curr[q]]
	:: else
	fi;
	if                      /* a sibling's: it is let go on for a moment */
	:: curr[q] != IDLE -> urgent = false
	:: true
	fi;
	offers = !urgent || length(q) > 1 || (curr[q] != IDLE && young[q]);
	if
	:: urgent -> need_resched[q] = true
	:: else
	fi
}

inline lock_home(v)
{
	do
	:: q = home[v];
	   atomic {
		take(q);
		if
		:: home[v] == q || without == HOME_UNDER_LOCK -> break
		:: else -> lock[q] = false
		fi
	   }
	od
}

/* Inside atomic. */
inline make_runnable(v)
{
	offers = false;
	if
	:: !runnable[v] ->
		runnable[v] = true;
		queued[v] = true;
		if
		:: hot[v] = true
		:: hot[v] = false
		fi;
		announce(q, v)
	:: else
	fi
}

/*
 * The rest of rouse(): what is queued is offered, the lock dropped; then it may
 * find a better home.
 */
inline roused(v)
{
	if
	:: offers -> offer(v)
	:: else
	fi;
	lock[q] = false;
	if
	:: !likes(v, q) -> rehome(v)
	:: else
	fi
}

/* In one of its two places to sleep. */
inline wake(v)
{
	lock_home(v);
	atomic {
		offers = false;
		if
		:: blocked[v] ->
			blocked[v] = false;
			make_runnable(v)
		:: else
		fi
	}
	roused(v)
}

inline unpark(v)
{
	lock_home(v);
	atomic {
		offers = false;
		if
		:: parked[v] ->
			parked[v] = false;
			make_runnable(v)
		:: else
		fi
	}
	roused(v)
}

inline vcpu_wake(v)
{
	if
	:: blocked[v] -> wake(v)
	:: else
	fi
}

inline unlock_both()
{
	lock[from] = false;
	lock[to] = false
}

/* Inside atomic. stays(): where it would not rather be, it may, or may not. */
inline decide(v, c)
{
	if
	:: allowed(v, c) -> there = true
	:: !likes(v, c) -> there = false
	fi
}

/* place.c. to: a CPU that it likes to run on, now or a moment ago. */
inline rehome(v)
{
	do
	:: atomic {
		from = home[v];
		if
		:: likes(v, 0) -> to = 0
		:: likes(v, 1) -> to = 1
		fi
	   }
	   atomic { take((from < to -> from : to)) }
	   atomic {
		if
		:: from < to -> take(to)
		:: from > to -> take(from)
		:: else
		fi;
		if
		:: home[v] == from -> break
		:: else -> unlock_both()
		fi
	   }
	od;
	atomic {
		offers = false;
		decide(v, from);
		if
		:: on_cpu[v] && without != ON_CPU_OF_MOVED ->
			if
			:: !there -> need_resched[from] = true
			:: else
			fi
		:: else ->
			if
			:: !there ->
				queued[v] = runnable[v];
				home[v] = to;
				if
				:: runnable[v] -> announce(to, v)
				:: else
				fi
			:: there && runnable[v] && !queued[v] ->
				queued[v] = true;
				announce(from, v)
			:: else
			fi
		fi
	}
	if
	:: offers -> offer(v)
	:: else
	fi;
	atomic { unlock_both() }
}

/* Takes one who waits in o's queue into c's, whose lock is held. */
inline steal(c, o)
{
	if
	:: hot_waits(o) || (length(o) && !length(c)) ->
		atomic {
			v = NOBODY;
			if
			:: lock[o] -> need_resched[c] = (without != RETRY)
			:: !lock[o] && !(curr[o] == IDLE && length(o) == 1) ->
				if
				:: takes(0, o, c) -> v = 0
				:: takes(1, o, c) -> v = 1
				:: else
				fi
			:: else
			fi;
			if
			:: v != NOBODY && (hot[v] || !length(c)) -> home[v] = c
			:: else
			fi;
			v = 0
		}
	:: else
	fi
}

/* Inside atomic: the next, out of c's queue, is who runs there. */
inline choose(c)
{
	if
	:: waits(0, c) && (hot[0] || !hot_waits(c)) -> next = 0
	:: waits(1, c) && (hot[1] || !hot_waits(c)) -> next = 1
	:: else -> next = IDLE
	fi;
	curr[c] = next;
	if
	:: next != IDLE ->
		queued[next] = false;
		assert(next == prev || !on_cpu[next]);
		on_cpu[next] = true;
		young[c] = young[c] || next != prev
	:: else -> young[c] = false
	fi
}

/* Inside atomic: prev ran until now. */
inline settle(c)
{
	young[c] = false;
	if
	:: prev != IDLE ->
		if
		:: hot[prev] = false
		:: true
		fi;
		if
		:: blocked[prev] || parked[prev] -> runnable[prev] = false
		:: else -> decide(prev, c); queued[prev] = there
		fi
	:: else
	fi
}

/* sched_switched(), on the stack of the next. */
inline switched(c)
{
	on_cpu[prev] = false;
	if
	:: prev != IDLE &&
	   (!allowed(prev, c) || runnable[prev] != queued[prev]) ->
		if
		:: without != REHOME_AFTER_SWITCH -> rehome(prev)
		:: else
		fi
	:: prev != IDLE && allowed(prev, c) && queued[prev] &&
	   runnable[prev] && without != OFFER_AFTER_SWITCH -> offer(prev)
	:: else
	fi;
	if
	:: next != IDLE && must_stop[next] -> need_resched[c] = true
	:: else
	fi
}

inline resched(c, o)
{
	atomic {
		prev = curr[c];
		need_resched[c] = need_resched[c] &&
				  without == CLEAR_BEFORE_LOOK
	}
	atomic {
		take(c);
		if
		:: prev != IDLE && !blocked[prev] && !parked[prev] &&
		   allowed(prev, c) && young[c] -> next = prev; goes_on = true
		:: settle(c); goes_on = false
		fi
	}
	if
	:: !goes_on ->
		if
		:: !length(c) && without != IDLE_BEFORE_LOOK ->
			idle_cpus[c] = true
		:: else
		fi;
		if
		:: !hot_waits(c) -> steal(c, o)
		:: else
		fi;
		if
		:: !length(c) && without == IDLE_BEFORE_LOOK ->
			idle_cpus[c] = true
		:: else
		fi;
		atomic { choose(c) }
		if
		:: next != IDLE -> idle_cpus[c] = false
		:: else
		fi
	:: else
	fi;
	atomic {
		need_resched[c] = need_resched[c] &&
				  without != CLEAR_BEFORE_LOOK;
		lock[c] = false
	}
	if
	:: prev != next -> switched(c)
	:: prev == next && prev != IDLE && must_stop[prev] ->
		need_resched[c] = true
	:: else
	fi
}

/* A CPU, and the program of the vCPU that it runs. */
#define runs(what) (!look && curr[c] != IDLE && pc[curr[c]] == what)

proctype cpu(byte c)
{
	byte prev, next, v, from, to;
	bool urgent, offers, goes_on, there;
	bool look = false;

	do
	:: look -> look = false; resched(c, 1 - c)
	:: atomic {
		!look && curr[c] == IDLE && need_resched[c] -> look = true
	   }
	:: atomic {
		runs(guest) && need_resched[c] ->
		pc[curr[c]] = boundary;
		look = true
	   }
	:: atomic {
		runs(guest) && sleeps[curr[c]] ->
		sleeps[curr[c]]--;
		pc[curr[c]] = call
	   }
	:: atomic {
		runs(call) ->
		blocked[curr[c]] = (without != PREPARE_BEFORE_LOOK);
		pc[curr[c]] = prepared
	   }
	:: atomic {
		runs(prepared) ->
		if
		:: event[curr[c]] || must_stop[curr[c]] ->
			blocked[curr[c]] = false;
			event[curr[c]] = false;
			pc[curr[c]] = guest
		:: else -> pc[curr[c]] = looked
		fi
	   }
	:: atomic {
		runs(looked) ->
		blocked[curr[c]] = blocked[curr[c]] ||
				   without == PREPARE_BEFORE_LOOK;
		pc[curr[c]] = asleep;
		look = true
	   }
	:: atomic {                     /* it comes here when it was woken */
		runs(asleep) -> pc[curr[c]] = call
	   }
	:: atomic {
		runs(boundary) ->
		if
		:: must_stop[curr[c]] ->
			pc[curr[c]] = must_park
		:: !must_stop[curr[c]] && need_resched[c] -> look = true
		:: else -> pc[curr[c]] = guest
		fi
	   }
	:: atomic {
		runs(must_park) ->
		parked[curr[c]] = true;
		pc[curr[c]] = parking
	   }
	:: atomic {
		runs(parking) ->
		pc[curr[c]] = boundary;
		if
		:: !must_stop[curr[c]] && without != PARKED_BEFORE_LOOK ->
			parked[curr[c]] = false
		:: else -> look = true
		fi
	   }
	od
}

proctype waker(byte w)
{
	byte n, q, from, to;
	bool urgent, offers, there;

	do
	:: n < 1 ->
		n++;
		if
		:: without != EVENT_BEFORE_LOOK ->
			event[w] = true;
			vcpu_wake(w)
		:: without == EVENT_BEFORE_LOOK && blocked[w] ->
			event[w] = true;
			wake(w)
		:: else -> event[w] = true
		fi
	:: else -> break
	od
}

/* vcpu_stop(); vcpu_unpark(). */
proctype pauser(byte w)
{
	byte q, from, to;
	bool urgent, offers, there;

	must_stop[w] = true;
	if
	:: on_cpu[w] && without != KICK_OF_STOPPED -> need_resched[home[w]] = true
	:: else
	fi;
	vcpu_wake(w);
	if
	:: scene == RESUME ->
		must_stop[w] = false;
		if
		:: parked[w] && !must_stop[w] -> unpark(w)
		:: else
		fi
	:: else
	fi
}

/* sched_set_affinity() */
proctype mover(byte w)
{
	byte q, from, to;
	bool urgent, offers, there;

	lock_home(w);
	atomic {
		affinity[w] = (scene == MOVE -> 2 : 3);
		prefers[w] = affinity[w];
		lock[q] = false
	}
	if
	:: on_cpu[w] -> need_resched[home[w]] = true
	:: else ->
		if
		:: !allowed(w, home[w]) -> rehome(w)
		:: allowed(w, home[w]) && queued[w] &&
		   without != OFFER_AFTER_MOVE -> offer(w)
		:: else
		fi
	fi
}

#define well(v) \
	assert(!(blocked[v] && (event[v] || must_stop[v]))); \
	assert(!(parked[v] && !must_stop[v])); \
	assert(!(must_stop[v] && on_cpu[v])); \
	assert(runnable[v] == (queued[v] || on_cpu[v])); \
	assert(!(on_cpu[v] && !allowed(v, home[v]))); \
	assert(!(queued[v] && allowed(v, 0) && curr[0] == IDLE)); \
	assert(!(queued[v] && allowed(v, 1) && curr[1] == IDLE))

/* vCPU 0 runs on CPU 0; vCPU 1 waits there, as if it had just been queued. */
init {
	c_code {
		now.scene = (uchar)atoi(getenv("SCENE"));
		now.without = (uchar)atoi(getenv("WITHOUT"));
	};
	atomic {
		affinity[0] = 3;
		affinity[1] = (scene == WIDEN -> 1 : 3);
		prefers[0] = (scene == PREFER -> 2 : affinity[0]);
		prefers[1] = affinity[1];
		pc[0] = guest;
		pc[1] = guest;
		sleeps[0] = 1;
		sleeps[1] = (scene == WAKE -> 1 : 0);
		runnable[0] = true;
		on_cpu[0] = true;
		curr[0] = 0;
		runnable[1] = true;
		queued[1] = true;
		curr[1] = IDLE;
		need_resched[1] = true;
		need_resched[0] = (scene == PREFER); /* a tick */
		run cpu(0);
		run cpu(1);
		if
		:: scene == WAKE -> run waker(0); run waker(1)
		:: scene == STOP || scene == RESUME -> run pauser(0)
		:: scene == MOVE -> run waker(0); run mover(0)
		:: scene == PREFER -> run waker(0)
		:: scene == WIDEN -> run waker(0); run mover(1)
		fi
	}
	timeout;
	atomic {
		assert(!lock[0] && !lock[1]);
		well(0);
		well(1)
	}
}
