"""Boot and size, ours beside Debian's Xen.

Times are exact: the time stamp counter counts instructions from the machine's
start. Both hypervisors get the same ELF kernel. "First instruction"
is told by tests/bench/entry.S, laid over the entry of a copy of that kernel;
the hypervisor's entry by loaded.S, laid over that of a copy of it; "userspace"
by init.c, the first program. Firmware and the loading of the images count from
the machine's start alone.

Memory is asked of the hypervisor by the same program on both.
"""

import glob
import os
import re
import struct
import sys
import tempfile

import figures as f
import machine as m

RAM_KIB = 2 << 20
START_TO_FIRST = "machine start to Dom0's first instruction"
ENTRY_TO_FIRST = "hypervisor's entry to Dom0's first instruction"
FIRST_TO_USER = "first instruction to userspace"
START_TO_USER = "machine start to userspace"
LOADED = "text and data"
AFTER_BOOT = "hypervisor's memory after boot, 2 GiB machine"
PER_DOMAIN = "per domain beyond its own memory, 1 vCPU"
LINES = "lines of C and assembly"
CODE_LINES = "lines that hold code"
PT_LOAD, PT_NOTE = 1, 4
XEN_ELFNOTE_ENTRY = 1


def segments(data):
    """The program headers of an ELF file: (type, offset, vaddr, filesz)."""
    wide = data[4] == 2
    if wide:
        at, size, count = struct.unpack_from("<Q", data, 32) + \
            struct.unpack_from("<HH", data, 54)
        layout, pick = "<IIQQQQQQ", (0, 2, 3, 5)
    else:
        at, size, count = struct.unpack_from("<I", data, 28) + \
            struct.unpack_from("<HH", data, 42)
        layout, pick = "<IIIIIIII", (0, 1, 2, 4)
    for i in range(count):
        fields = struct.unpack_from(layout, data, at + i * size)
        yield tuple(fields[p] for p in pick)


def multiboot_entry(data):
    """The entry point of an ELF file of 32 bits. A jump there is followed:
    it goes over headers that the loader looks for."""
    entry = struct.unpack_from("<I", data, 24)[0]
    for kind, offset, address, size in segments(data):
        at = offset + entry - address
        if kind == PT_LOAD and address <= entry < address + size and \
                data[at] == 0xe9:
            return entry + 5 + struct.unpack_from("<i", data, at + 1)[0]
    return entry


def xen_entry(data):
    """The entry point that a kernel's Xen notes name."""
    for kind, offset, _, size in segments(data):
        if kind != PT_NOTE:
            continue
        at = offset
        while at < offset + size:
            name, desc, number = struct.unpack_from("<III", data, at)
            at += 12
            owner = data[at:at + name]
            at += (name + 3) & ~3
            if owner == b"Xen\0" and number == XEN_ELFNOTE_ENTRY:
                return struct.unpack_from("<Q", data, at)[0]
            at += (desc + 3) & ~3
    sys.exit("the kernel has no Xen entry note")


def telling(path, source, entry_of, stub):
    """A copy of a program whose first instructions are those of a stub."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    with open(m.build_path(f"bench/{stub}.bin"), "rb") as file:
        code = file.read()
    entry = entry_of(data)
    for kind, offset, address, size in segments(data):
        if kind == PT_LOAD and address <= entry < address + size:
            at = offset + entry - address
            data[at:at + len(code)] = code
            break
    else:
        sys.exit(f"the entry of {source} is in none of its segments")
    with open(path, "wb") as file:
        file.write(data)


def seconds(box):
    with box:
        try:
            match = box.wait(r"@@ tsc ([0-9a-f]{16})")
        except m.MachineError as error:
            last = "\n".join(box.text()[-12:])
            raise f.Failed(f"{error}; the last lines:\n{last}") from error
        return int(match[1], 16) / 1e9


def first_instruction(hypervisor, of):
    """When the hypervisor was entered, or the kernel of its Dom0."""
    with tempfile.TemporaryDirectory() as work:
        program, kernel = m.HYPERVISORS[hypervisor], \
            m.build_path("debian/dom0-vmlinux")
        changed = os.path.join(work, "telling")
        if of == "hypervisor":
            telling(changed, program, multiboot_entry, "loaded")
            program = changed
        else:
            telling(changed, kernel, xen_entry, "entry")
            kernel = changed
        box = m.Machine(
            hypervisor=program, cpus=1, cpu=f.CPU, qemu=f.ICOUNT,
            timeout=300, image=m.build_path("dom0.cpio"), dom0=kernel,
            initrd=True, hv_args="dom0_mem=1G,max:1G",
            log=m.log_path(f"bench-{hypervisor}-{of}"))
        return seconds(box)


def userspace(hypervisor):
    box = m.Machine(
        hypervisor=hypervisor, cpus=1, cpu=f.CPU, qemu=f.ICOUNT, timeout=600,
        image=m.build_path("dom0.cpio"),
        files={"/init": m.build_path("bench/init")},
        hv_args="" if hypervisor == "native" else "dom0_mem=1G,max:1G",
        dom0_args="nokaslr", log=m.log_path(f"bench-{hypervisor}-2"))
    return seconds(box)


def measure_boot(hypervisor):
    if hypervisor == "native":
        # From a compressed kernel, which decompresses itself.
        return {START_TO_USER: [userspace(hypervisor)]}
    entered = first_instruction(hypervisor, "hypervisor")
    first, user = first_instruction(hypervisor, "dom0"), userspace(hypervisor)
    return {START_TO_FIRST: [first], ENTRY_TO_FIRST: [first - entered],
            FIRST_TO_USER: [user - first], START_TO_USER: [user]}


def memory(hypervisor):
    """Own memory after boot in MiB, and KiB beyond its own per domain."""
    files = {"/usr/sbin/pvstate": m.build_path("tests/pvstate"),
             "/boot/guest-pv": m.build_path("guest-pv/guest-pv")}
    box = m.Machine(
        hypervisor=hypervisor, cpus=1, timeout=300, files=files,
        image=m.build_path("dom0.cpio"), hv_args="dom0_mem=1G,max:1G",
        script=os.path.join(f.HERE, "memory.sh"),
        log=m.log_path(f"bench-{hypervisor}-3"))
    with box:
        box.finish()
    free = {}  # with Dom0's: see tests/dom0/pvstate.c
    for line in box.text():
        match = re.match(r"@@ (after-boot|before|with-eight) .*, (\d+) KiB",
                         line)
        if match:
            free[match[1]] = int(match[2])
    if len(free) != 3:
        raise f.Failed(f"pvstate told {free}")
    return ((RAM_KIB - free["after-boot"]) / 1024,
            (free["before"] - free["with-eight"]) / 8 - 16384)


def loaded_kib(path):
    with open(path, "rb") as file:
        data = file.read()
    return sum(size for kind, _, _, size in segments(data)
               if kind == PT_LOAD) / 1024


def lines_of_code():
    """Lines that hold code, and all lines: comments and blank ones too."""
    code = total = 0
    for path in glob.glob(m.ROOT + "/hypervisor/**/*.[chS]", recursive=True):
        if "/test/" in path:
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        total += text.count("\n")
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        code += sum(1 for line in text.split("\n") if line.strip())
    return code, total


def measure_footprint(hypervisor):
    own, each = memory(hypervisor)
    found = {LOADED: [loaded_kib(m.HYPERVISORS[hypervisor])],
             AFTER_BOOT: [own], PER_DOMAIN: [each]}
    if hypervisor == "paravane":
        code, total = lines_of_code()
        found.update({LINES: [total], CODE_LINES: [code]})
    return found


AREAS = [
    f.Area("boot", "Boot", "s", ("native", "xen", "paravane"), measure_boot,
           {START_TO_FIRST: 0.2, FIRST_TO_USER: 2.5}, bound_by_peer=True),
    f.Area("footprint", "Footprint", {
        LOADED: "KiB", AFTER_BOOT: "MiB", PER_DOMAIN: "KiB",
        LINES: "", CODE_LINES: ""}, ("xen", "paravane"), measure_footprint,
        {LOADED: 400, AFTER_BOOT: 17, PER_DOMAIN: 48, LINES: 20000}),
]
