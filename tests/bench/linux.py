"""What Linux programs pay for a hypervisor, in instructions.

tests/bench/linux.c runs in the same image on the bare machine, on Debian's
Xen and on ours: in Dom0, and in a domain beside a Dom0 that does nothing.
Goals are multiples of the bare machine's figures. In Dom0 the kernel module
tests/bench/hypercalls.c measures some hypercalls from within Linux.
"""

import os
import re
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
# The machines have one processor, also where there are two vCPUs: with -icount
# QEMU takes hours for two busy ones, and Debian's kernel does not get to start
# the second one of a bare machine.
KERNEL_ARGS = "nokaslr mitigations=off norandmaps"


def costs(box):
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
            raise f.Failed(f"ended with {box.status()}; the last lines:\n"
                           f"{last}")
        flushes = f.flush_counts(counts, [float(n) for _, _, n in lines])
    return {name: [float(cost)] + count
            for (name, cost, _), count in zip(lines, flushes)}


def files():
    """What linux.c needs beside it, by path in the image."""
    return {"/bench": m.build_path("bench/linux"),
            "/usr/bin/tcc": m.build_path("debian/tcc/usr/bin/tcc"),
            "/compiled.c": os.path.join(f.HERE, "compiled.c")}


def in_dom0(vcpus):
    def measure(hypervisor):
        box = m.Machine(
            hypervisor=hypervisor, cpus=1, cpu=f.CPU, qemu=f.ICOUNT,
            timeout=600, image=m.build_path("dom0.cpio"),
            script=os.path.join(f.HERE, "linux.sh"),
            files={**files(), "/hypercalls.ko":
                   m.build_path("bench/module/hypercalls.ko")},
            hv_args=f"dom0_mem=1G,max:1G dom0_max_vcpus={vcpus}",
            dom0_args=KERNEL_ARGS,
            log=m.log_path(f"bench-linux{vcpus}-{hypervisor}"))
        return costs(box)
    return measure


def in_domain(vcpus):
    """The same image with the cloud kernel, on the bare machine or as domain
    1, and then two domains of guest-pv."""
    def measure(hypervisor):
        with tempfile.TemporaryDirectory() as work:
            image = os.path.join(work, "domu.cpio")
            m.append_overlay(image, m.build_path("domu.cpio"),
                             {**files(), "/test": m.build_path("bench/linux")},
                             work)
            options = {
                "hypervisor": hypervisor, "cpu": f.CPU, "qemu": f.ICOUNT,
                "cpus": 1, "timeout": 600,
                "log": m.log_path(f"bench-domain{vcpus}-{hypervisor}")}
            kernel = m.build_path("debian/cloud-vmlinuz")
            if hypervisor == "native":
                box = m.Machine(
                    image=image, dom0=kernel, initrd=True, mem="512M",
                    dom0_args=KERNEL_ARGS, **options)
            else:
                tool = "xl" if hypervisor == "xen" else "vane"
                box = m.Machine(
                    script=os.path.join(f.HERE, "domain.sh"),
                    files={"/boot/domu.cpio": image,
                           "/boot/domu-vmlinuz": kernel,
                           "/boot/guest-pv":
                           m.build_path("guest-pv/guest-pv"),
                           "/usr/lib/paravane-test/lib.sh":
                           m.ROOT + "/tests/dom0/lib.sh"},
                    hv_args="dom0_mem=768M,max:768M",
                    dom0_args=f"{KERNEL_ARGS} tool={tool} vcpus={vcpus}",
                    **options)
            return costs(box)
    return measure


def area(name, title, measure):
    return f.Area(name, title, "instructions", ("native", "xen", "paravane"),
                  measure, GOALS, relative=True)


AREAS = [area("linux", "Linux in Dom0", in_dom0(1)),
         area("linux-2", "Linux in Dom0, two vCPUs on one processor",
              in_dom0(2)),
         area("domain", "Linux in a domain, and two domains in turn",
              in_domain(1)),
         area("domain-2", "Linux in a domain, two vCPUs on one processor",
              in_domain(2))]
