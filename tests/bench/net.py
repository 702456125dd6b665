"""What a Linux domain's network costs: our vane-netd beside Debian's netback.

Both serve the same domain on the same hypervisor, in Dom0 with Debian's
kernel. One processor: what is told are instructions, of the whole machine
and of Dom0 alone (its programs, its kernel, the back end), for a datagram of
18 bytes, which makes the shortest frame, for a datagram and its answer, and
for a KiB of TCP. tests/bench/net.sh says what is done.
"""

import os
import re
import tempfile

import figures as f
import linux
import machine as m

PACKETS, TURNS, MIB = 20000, 2000, 32
BACK_ENDS = {"xen": "linux", "paravane": "vane"}
ROWS = ("receive_64", "send_64", "turn_64", "receive_tcp", "send_tcp")


def programs(*names):
    return {f"/usr/bin/{name}": m.build_path(f"backend-drivers/test/{name}")
            for name in names}


def costs(box):
    with box:
        box.finish()
    found = {}
    for line in box.text():
        match = re.match(r"@@ cost (\w+) ([0-9]+) ([0-9]+)", line)
        if match:
            found[match[1]] = (int(match[2]), int(match[3]))
    if box.status() != 0 or f"{ROWS[-1]}_dom0" not in found:
        last = "\n".join(box.text()[-12:])
        raise f.Failed(f"ended with {box.status()}; the last lines:\n{last}")
    return found


def measure(back_end, **more):
    """`more`: kernel parameters of net.sh."""
    args = {"packets": PACKETS, "turns": TURNS, "mib": MIB,
            "backendtype": BACK_ENDS[back_end], **more}
    with tempfile.TemporaryDirectory() as work:
        domu = os.path.join(work, "domu.cpio")
        m.append_overlay(domu, m.build_path("domu.cpio"), {
            "/test": os.path.join(f.HERE, "net-domu.sh"),
            **programs("stream", "offload")}, work)
        found = costs(m.Machine(
            cpus=1, cpu=f.CPU, qemu=f.ICOUNT, mem="2G", timeout=900,
            hv_args="dom0_mem=768M,max:768M",
            dom0_args=linux.KERNEL_ARGS + "".join(
                f" {key}={value}" for key, value in args.items()),
            script=os.path.join(f.HERE, "net.sh"),
            files={"/boot/domu.cpio": domu,
                   "/boot/domu-vmlinuz": m.build_path("debian/cloud-vmlinuz"),
                   "/usr/bin/timed": m.build_path("bench/timed"),
                   "/usr/lib/paravane-test/lib.sh":
                   os.path.join(m.ROOT, "tests/dom0/lib.sh"),
                   **programs("stream")},
            log=m.log_path(f"bench-net-{args['backendtype']}")))
    # What it costs to look, and to start a program.
    return {name: [(cost - found["nothing" + ("_dom0" if "_dom0" in name
                                              else "")][0]) / count]
            for name, (cost, count) in found.items()
            if not name.startswith("nothing")}


AREAS = [f.Area("net", "A domain's network, by back end", "instructions",
                tuple(BACK_ENDS), measure, {}, bound_by_peer=True,
                peer="Debian's netback")]
