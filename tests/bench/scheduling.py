"""What scheduling costs, in instructions: on one CPU.

guest-pv runs as Dom0 and builds small domains by itself (program scheduling);
what a vCPU does when it wakes is half of a round trip between two (pingpong).
Both hypervisors with credit; ours then with bvt, which the other does not have.
"""

import figures as f
import primitives

# Not above the original's; and a thousand vCPUs cost what a hundred do.
ROWS = ("yield_switch", "wake_to_run", "switch_domains", "period_2",
        "period_100", "period_1000")


def with_policy(hypervisor, policy):
    more = "sched=" + policy
    found = {**primitives.run(hypervisor, "pingpong", 1, 2, more),
             **primitives.run(hypervisor, "scheduling", 1, 1, more)}
    trip = found.pop("round_trip_vcpus")
    found["wake_to_run"] = [value / 2 for value in trip]
    return {name: found[name][:1] for name in ROWS if name in found}


def measure(hypervisor):
    figures = with_policy(hypervisor, "credit")
    if hypervisor == "paravane":
        figures.update(("bvt_" + name, cost) for name, cost
                       in with_policy(hypervisor, "bvt").items())
    return figures


AREAS = [f.Area("sched", "Scheduling", "instructions", ("xen", "paravane"),
                measure, {}, bound_by_peer=True)]
