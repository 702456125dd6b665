"""Machines whose Dom0 creates domains: what the system tests share."""

import os

import machine as m

TESTS = os.path.join(m.ROOT, "tests")
XEN_TOOLS = m.build_path("debian/xen/usr")


def domain_machine(name, script, dom0_args="", dump=True, more_files=None,
                   **options):
    """A machine whose Dom0 runs a script of tests/dom0/, with lib.sh.

    `more_files` come beside those of every such machine; the rest of the
    options are the machine's.

    Debian's Xen is told to switch vector registers eagerly, as it does on most
    hardware; lazily, which it would choose for QEMU's CPU, programs die that
    find others' words in what AVX copied.

    Dom0 has the test domain's kernel and an image that runs
    tests/domu/work.sh, and Debian's own store client and event-channel
    lister: they look at our system from outside. PEER: see machine.py.
    """
    peer = m.peer_tools()
    files = {
        "/usr/lib/paravane-test/lib.sh": f"{TESTS}/dom0/lib.sh",
        "/boot/domu-vmlinuz": m.build_path("debian/cloud-vmlinuz"),
    }
    if not peer:
        files["/usr/sbin/pvstate"] = m.build_path("tests/pvstate")
        files["/usr/bin/xenstore-ls"] = f"{XEN_TOOLS}/bin/xenstore-ls"
        files["/usr/lib/xen-4.17/bin/lsevtchn"] = (
            f"{XEN_TOOLS}/lib/xen-4.17/bin/lsevtchn")
    files.update(more_files or {})
    tool = "xl" if peer else "vane"
    options.setdefault("hypervisor", m.under_test())
    if options["hypervisor"] == "xen":
        options["hv_args"] += " spec-ctrl=eager-fpu"
    box = m.Machine(
        script=os.path.join(TESTS, "dom0", script),
        dom0_args=f"dump_dmesg={int(dump)} tool={tool} {dom0_args}",
        files=files, log=m.log_path(name), **options)
    domu = os.path.join(box.work, "domu.cpio")
    m.append_overlay(domu, m.build_path("domu.cpio"),
                     {"/test": f"{TESTS}/domu/work.sh"}, box.work)
    box.files["/boot/domu.cpio"] = domu
    return box
