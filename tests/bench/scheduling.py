"""What scheduling costs, in instructions: on one CPU, both with credit.

guest-pv runs as Dom0 and builds small domains by itself (program scheduling);
what a vCPU does when it wakes is half of a round trip between two (pingpong).
"""

import figures as f
import primitives

# Not above the original's; and a thousand vCPUs cost what a hundred do.
ROWS = {"yield_switch": None, "wake_to_run": None, "switch_domains": None,
        "period_2": None, "period_100": None, "period_1000": None}


def measure(hypervisor):
    more = "sched=credit"
    found = {**primitives.run(hypervisor, "pingpong", 1, 2, more),
             **primitives.run(hypervisor, "scheduling", 1, 1, more)}
    trip = found.pop("round_trip_vcpus")
    found["wake_to_run"] = [value / 2 for value in trip]
    return {name: found[name][:1] for name in ROWS if name in found}


AREAS = [f.Area("sched", "Scheduling", "instructions", ("xen", "paravane"),
                measure, {}, bound_by_peer=True)]
