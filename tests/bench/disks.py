"""What a disk's requests cost, by who serves them: tests/bench/disks.sh, in Dom0.

The disk is a RAM block device of Dom0, the domain that asks is guest-pv with
its program diskbench, the hypervisor is ours: what differs is the back end
alone. Ours and the kernel's are had by our tools, QEMU's by Debian's xl, which
starts a qemu-system-xen for it. Everything runs on one processor that counts
instructions. What is not the domain's own time is Dom0's, hypervisor
included.

A front end may grant its pages for good and copy, or grant them anew for each
request: each back end is measured with both (rows "... granted": the second),
except QEMU's, which knows but the second.
"""

import json
import os
import re

import figures as f
import linux
import machine as m

OURS, KERNEL, QEMU = "vane", "linux", "qdisk"
WAYS = ("read_4k_1", "write_4k_1", "read_4k_32", "write_4k_32", "read_next_32",
        "write_next_32", "read_mib", "write_mib")
# QEMU's must be beaten so many times; the kernel's be matched this nearly.
BEATEN, MATCHED = 1.5, 1.1
SYSTEMS = {
    # image, tool, kinds of back ends
    "ours": ("dom0.cpio", "vane", (OURS, KERNEL)),
    "qemu": ("dom0-libvirt.cpio", "xl", (QEMU,)),
}
BRD = "kernel/drivers/block/brd.ko"


def brd():
    root = m.build_path("debian/dom0/lib/modules")
    return os.path.join(root, os.listdir(root)[0], BRD)


def run(system):
    """{back end: {way: [instructions, Dom0's of them]}} of one machine."""
    image, tool, backs = SYSTEMS[system]
    box = m.Machine(
        hypervisor="paravane", cpus=1, cpu=f.CPU, qemu=f.ICOUNT, mem="2G",
        timeout=1500, hv_args="dom0_mem=1G,max:1G",
        image=m.build_path(image), script=os.path.join(f.HERE, "disks.sh"),
        dom0_args=f"{linux.KERNEL_ARGS} tool={tool} backs={'+'.join(backs)}",
        files={"/boot/guest-pv": m.build_path("guest-pv/guest-pv"),
               "/brd.ko": brd(), "/usr/lib/paravane-test/lib.sh":
               m.ROOT + "/tests/dom0/lib.sh"},
        log=m.log_path(f"bench-io-{system}"))
    with box:
        box.finish()
    found = {}
    for line in box.text():
        match = re.match(r"@@ disk (\S+) (\w+) (\d+) (\d+) (\d+)", line)
        if match:
            back, way = match[1], match[2]
            total, own, count = (int(match[i]) for i in (3, 4, 5))
            found.setdefault(back, {})[way] = [total / count,
                                               (total - own) / count]
    for back in backs:
        if set(found.get(back, ())) != set(WAYS):
            last = "\n".join(box.text()[-12:])
            raise f.Failed(f"{back} was not measured; the last lines:\n{last}")
    return found


def measure(machine):
    """All rows of one machine, as an area has them."""
    return {f"{back} {way} {what}": [value[i]]
            for back, ways in run(machine).items()
            for way, value in ways.items()
            for i, what in enumerate(("whole", "dom0"))}


class DiskArea(f.Area):
    """A row for each way of asking, a column for each back end."""

    first = "qdisk"

    def rows(self):
        found = {**self.figures("ours"), **self.figures("qemu")}

        def value(back, way, what):
            return found.get(f"{back} {way} {what}", [None])[0]
        rows = []
        for granted in ("", "-granted"):
            for what in ("whole", "dom0"):
                for way in WAYS:
                    ours, kernel = (value(back + granted, way, what)
                                    for back in (OURS, KERNEL))
                    qemu = value(QEMU, way, what)
                    rows.append(self.disk_row(
                        f"{way} {what}{granted.replace('-', ' ')}", ours,
                        kernel, qemu))
        return rows

    @staticmethod
    def disk_row(name, ours, kernel, qemu):
        """Goals: see the issue of the back ends; a MiB not slower."""
        beaten = 1 if "mib" in name else BEATEN
        goals = [qemu / beaten] if qemu else []
        if kernel and "_32 whole" in name:
            goals.append(kernel * MATCHED)
        goal = min(goals) if goals else None
        return {"name": name, "unit": "instructions", "ours": ours,
                "peer": kernel, "peer_name": "Debian's xen-blkback",
                "goal": goal, "native": qemu,
                "ratio": ours / kernel if ours and kernel else None,
                "met": ours <= goal * 1.005 if ours and goal else None,
                "spread_percent": None}


AREAS = [DiskArea("io", "Disks: instructions of a request (or MiB), all "
                  "together and Dom0's", "instructions", ("qemu", "ours"),
                  measure, {}, peer="blkback")]
