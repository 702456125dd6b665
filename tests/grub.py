"""Boot a machine from GRUB (BIOS) by multiboot 2, as a real host does.

The disk is what grub-mkrescue makes; it holds hypervisor, kernel and image.
"""

import os
import shutil
import subprocess

import machine as m

MENU = """
set timeout=0
terminal_output console
menuentry "hypervisor" {{
	multiboot2 /boot/hypervisor {hv_args}
	module2 /boot/vmlinux dom0 {kernel_args}
	module2 /boot/initrd
}}
"""


def boot_from_grub(box):
    """Turn a Machine that was to boot by -kernel into one with a disk."""
    tree = os.path.join(box.work, "disk")
    os.makedirs(os.path.join(tree, "boot/grub"))
    with open(os.path.join(tree, "boot/grub/grub.cfg"), "w",
              encoding="utf-8") as f:
        f.write(MENU.format(hv_args=box.hypervisor_args(),
                            kernel_args=box.kernel_args()))
    for name, source in (
            ("hypervisor", m.HYPERVISORS[box.hypervisor]),
            ("vmlinux", m.build_path("debian/dom0-vmlinux")),
            ("initrd", box.initrd())):
        shutil.copy(source, os.path.join(tree, "boot", name))
    disk = os.path.join(box.work, "disk.iso")
    subprocess.run(["grub-mkrescue", "-o", disk, tree], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(tree)
    box.boot = "disk"
    # The firmware reads a virtio disk far faster than an emulated CD.
    box.extra += ["-drive", f"if=virtio,format=raw,readonly=on,file={disk}"]
