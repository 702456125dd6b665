"""What a system of many domains costs: tests/bench/scale.sh, in Dom0.

Each system with its own tools: vane and vane-stored, xl and xenstored. A
figure is all that the machine does meanwhile, in time that counts
instructions.
"""

import os

import figures as f
import linux
import machine as m

# What the figure of each row is told in, and so many nanoseconds.
MS, US, TIMES = ("ms", 1e6), ("µs", 1e3), ("times", 1)

# The hundredth domain beside the first.
RATIO = "create_100 by create_1"
# At most so many of them. A kernel is "cached" when it was unpacked before,
# which is nothing that the peer knows.
GOALS = {
    "create_1": 4.5, RATIO: 1.2, "list_50": 3, "create_linux_elf": 60,
    "create_linux_lz4": 150, "create_linux_lz4_cached": 80, "create_linux_xz_cached": 80,
    "create_linux_disk": 100, "create_linux_net": 100,
    "destroy_linux_elf": 15, "store_read_0": 38.5, "store_write_0": 59.5,
    "store_directory_0": 39, "store_transaction_0": 164,
}


def unit_of(name):
    if name == RATIO:
        return TIMES
    return US if name.startswith("store") else MS


class Units(dict):
    def __missing__(self, name):
        return unit_of(name)[0]


def measure(hypervisor):
    tool = "xl" if hypervisor == "xen" else "vane"
    box = m.Machine(
        hypervisor=hypervisor, cpus=1, cpu=f.CPU, qemu=f.ICOUNT, mem="4G",
        timeout=1500, hv_args="dom0_mem=1G,max:1G",
        dom0_args=f"{linux.KERNEL_ARGS} tool={tool}",
        script=os.path.join(f.HERE, "scale.sh"),
        files={"/boot/guest-pv": m.build_path("guest-pv/guest-pv"),
               "/boot/domu-vmlinuz": m.build_path("debian/cloud-vmlinuz"),
               "/boot/domu-vmlinux": m.build_path("debian/cloud-vmlinux"),
               "/boot/standard-vmlinuz":
               m.build_path("debian/dom0-vmlinuz"),
               "/boot/domu.cpio": m.build_path("domu.cpio"),
               "/usr/bin/timed": m.build_path("bench/timed"),
               "/usr/bin/bench-store": m.build_path("bench/store"),
               "/usr/lib/paravane-test/lib.sh":
               m.ROOT + "/tests/dom0/lib.sh"},
        log=m.log_path(f"bench-scale-{hypervisor}"))
    found = linux.costs(box)
    found = {name: [figure[0] / unit_of(name)[1]] + figure[1:]
             for name, figure in found.items()}
    found[RATIO] = [found["create_100"][0] / found["create_1"][0]]
    return found


AREAS = [f.Area("scale", "Toolstack and store", Units(),
                ("xen", "paravane"), measure, GOALS)]
