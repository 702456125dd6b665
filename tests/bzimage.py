"""bzImages made of ELF kernels, whole and otherwise."""

import struct
import subprocess


def wrap(payload, version=0x20f):
    """A bzImage of four sectors that carries a payload."""
    image = bytearray(5 * 512)
    image[0x1f1] = 4
    image[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", image, 0x206, version)
    struct.pack_into("<II", image, 0x248, 0, len(payload))
    return bytes(image) + payload + b"behind the payload"


def lz4(elf, promised=None):
    """One of LZ4, which may promise another size than there is."""
    packed = subprocess.run(["lz4", "-lc"], input=elf, check=True,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    return wrap(packed + struct.pack("<I", promised or len(elf)))


def headers(elf):
    """Where each program header of an ELF file is."""
    at, = struct.unpack_from("<Q", elf, 32)
    count, = struct.unpack_from("<H", elf, 56)
    return [at + 56 * i for i in range(count)]


def without_notes(elf):
    elf = bytearray(elf)
    for at in headers(elf):
        if struct.unpack_from("<I", elf, at) == (4,):  # PT_NOTE
            struct.pack_into("<I", elf, at, 0)
    return bytes(elf)


def moved(elf, offset):
    """The same kernel with other numbers for its pages (PADDR_OFFSET)."""
    elf = bytearray(elf)
    for at in headers(elf):
        paddr, = struct.unpack_from("<Q", elf, at + 24)
        struct.pack_into("<Q", elf, at + 24, paddr + offset)
    note = elf.index(struct.pack("<III", 4, 8, 4) + b"Xen\0")
    struct.pack_into("<Q", elf, note + 16, offset)
    return bytes(elf)
