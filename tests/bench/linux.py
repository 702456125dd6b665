"""What Linux programs pay for a hypervisor, in instructions.

tests/bench/linux.c runs in the same image on the bare machine, on Debian's
Xen and on ours; goals are multiples of the bare machine's figures.
"""

import os
import re
import sys
import tempfile

import figures as f
import machine as m

# At most so many times what the bare machine takes.
GOALS = {
    "cpu": 1.0, "getppid": 2.2, "clock": 1.0, "read_zero4k": 1.4,
    "signal": 1.2, "sched_yield": 1.6, "pipe_rtt": 1.5, "fork_exit": 2.5,
    "vfork_exec": 2.0, "fork_exec": 2.2, "fault_page": 1.6,
    "mmap_touch1": 1.2, "mmap_newtables": 3, "mprotect1": 1.6,
    "mprotect_page": 3.5, "segv_fix": 1.5, "nanosleep50us": 1.06,
}
KERNEL_ARGS = "nokaslr mitigations=off norandmaps"


def costs(box, what):
    """Runs a machine, whose programs print costs, to its end."""
    with tempfile.TemporaryDirectory() as work:
        counts = os.path.join(work, "flushes")
        box.extra += ["-plugin", f.flush_plugin(counts)]
        with box:
            box.finish()
        lines = [match.groups() for match in (
            re.match(r"@@ cost (\w+) ([0-9.]+) ([0-9.]+)", line)
            for line in box.text()) if match]
        if not lines or box.status() != 0:
            last = "\n".join(box.text()[-12:])
            sys.exit(f"{what} failed; the last lines:\n{last}")
        flushes = f.flush_counts(counts, [float(n) for _, _, n in lines])
    return {name: [float(cost)] + count
            for (name, cost, _), count in zip(lines, flushes)}


def in_dom0(cpus):
    def measure(hypervisor):
        box = m.Machine(
            hypervisor=hypervisor, cpus=cpus, cpu=f.CPU, qemu=f.ICOUNT,
            timeout=900, image=m.build_path("dom0.cpio"),
            script=os.path.join(f.HERE, "linux.sh"),
            files={"/bench": m.build_path("bench/linux")},
            hv_args="" if hypervisor == "native" else "dom0_mem=1G,max:1G",
            dom0_args=KERNEL_ARGS,
            log=m.log_path(f"bench-linux{cpus}-{hypervisor}"))
        return costs(box, f"linux: {hypervisor}")
    return measure


AREAS = [f.Area("linux", "A Linux program in Dom0", "instructions",
                ("native", "xen", "paravane"), in_dom0(1), GOALS,
                relative=True),
         f.Area("linux-2", "A Linux program in Dom0 of two vCPUs",
                "instructions", ("native", "xen", "paravane"), in_dom0(2),
                GOALS, relative=True)]
