"""What the hypervisor's primitives cost, in instructions.

guest-pv's programs `bench` and `pingpong` run as Dom0 on each hypervisor.
"""

import os
import subprocess
import tempfile

import figures as f
import machine as m

# At most so many instructions: what a design without history can reach.
GOALS = {
    "xen_version": 150, "unknown_hypercall_60": 120, "sched_yield": 900,
    "vcpu_is_up": 170, "evtchn_status": 230, "multicall_null_x16": 1200,
    "multicall_null_x64": 4300, "set_timer_op_far": 320,
    "singleshot_far": 360, "evtchn_send_deliver": 1000,
    "evtchn_send_pending": 280, "evtchn_unmask": 700,
    "evtchn_alloc_close": 900, "mmu_update_same_x1": 400,
    "mmu_update_toggle_x1": 600, "mmu_update_clr_set": 1000,
    "mmu_update_same_x128": 16000, "mmu_update_toggle_x128": 40000,
    "uva_same": 320, "uva_toggle": 520, "multicall_uva_same_x16": 3600,
    "ptwr_direct_write": 900, "mmuext_tlb_flush_local": 270,
    "mmuext_invlpg_local": 260, "mmuext_new_baseptr_same": 320,
    "pin_unpin_l1_empty": 9000, "pin_unpin_l1_full": 60000,
    "gnttab_copy_64": 800, "gnttab_copy_4096": 1300,
    "gnttab_map_unmap": 1500, "populate_decrease_4k": 1500,
    "trap_rdmsr_efer": 600, "trap_inb_80": 700, "cpuid_xen_forced": 200,
    "trap_read_cr0": 600, "trap_clts": 550, "trap_wbinvd": 550,
}


def run(hypervisor, programs, cpus, vcpus, more=""):
    """Boots guest-pv as Dom0 and takes what its programs measured."""
    with tempfile.TemporaryDirectory() as work:
        counts = os.path.join(work, "flushes")
        told = subprocess.run(
            [os.path.join(m.ROOT, "guest-pv/run"), "--icount",
             "--smp", str(cpus), "--append", f"dom0_max_vcpus={vcpus} {more}",
             "--hypervisor", "xen" if hypervisor == "xen"
             else m.HYPERVISORS[hypervisor],
             "--memory", "2G", "--cpu", f.CPU, "--timeout", "300",
             "--qemu", "-plugin " + f.flush_plugin(counts), programs],
            cwd=m.ROOT, capture_output=True, text=True, check=False).stdout
        lines = [line.split()[1:] for line in told.splitlines()
                 if line.startswith("BENCH ")]
        if "Bail out" in told or not lines:
            raise f.Failed(told)
        flushes = f.flush_counts(counts, [int(n) for _, _, n in lines])
    return {name: [float(cost)] + count
            for (name, cost, _), count in zip(lines, flushes)}


def measure(hypervisor):
    return {**run(hypervisor, "bench", 1, 1),
            **run(hypervisor, "pingpong", 1, 2)}


def measure_two(hypervisor):
    return run(hypervisor, "pingpong:trips,bench", 2, 2)


AREAS = [f.Area("primitives", "From a PV kernel", "instructions",
                ("xen", "paravane"), measure, GOALS),
         f.Area("primitives-2", "From a PV kernel of two vCPUs, one of them "
                "idle, on two processors", "instructions",
                ("xen", "paravane"), measure_two, GOALS)]
