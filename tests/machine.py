"""A QEMU machine for whole-system tests: start it, follow its serial line.

A machine runs a hypervisor (ours, or Debian's Xen to compare with) with a
Dom0 (Debian's kernel and an image made by dom0/, or an ELF kernel such as
guest-pv), or a Linux kernel with no hypervisor at all ("native").

A test is a script that Dom0's init runs as /test; it is laid over the image,
with any other files, as a second cpio archive. What it prints comes back
over the serial line, where kernel, hypervisor and test speak in turn. Lines
that begin with "@@" are init's word to this harness:

    @@ userspace SECONDS   init runs; the kernel's uptime
    @@ dmesg begin / end   the kernel log in between, with levels
    @@ exit STATUS         the test script is over

Everything that waits has a limit: the machine as a whole (`timeout`), and
each wait() besides. A machine that overstays is killed, and says so.
"""

import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
sys.path.insert(0, os.path.join(ROOT, "dom0"))

HYPERVISORS = {
    "paravane": os.path.join(BUILD, "paravane"),
    "xen": os.path.join(BUILD, "debian/xen.elf"),
    "native": None,
}
# TCG runs `iret` at user level with supervisor stack accesses: no SMAP here.
DEFAULT_CPU = "max,-smap,-la57"
TAP_LINE = re.compile(r"^\s*(ok\b|not ok\b|1\.\.\d+|Bail out!|# )")


def end_with_us(*_):
    """SIGTERM is an exit like any other: machines are killed on the way."""
    sys.exit(143)


signal.signal(signal.SIGTERM, end_with_us)


class MachineError(Exception):
    """The machine did not do what the test waited for."""


def build_path(name):
    return os.path.join(BUILD, name)


def under_test():
    """Tests run on our hypervisor, or on Debian's Xen to be checked there.

    PEER=1 takes Debian's tools with it, PEER=hypervisor our own tools.
    """
    return "xen" if os.environ.get("PEER") else "paravane"


def peer_tools():
    return os.environ.get("PEER") == "1"


def log_path(name):
    """Where a test keeps the serial line: build/log/NAME.log."""
    os.makedirs(build_path("log"), exist_ok=True)
    name = re.sub(r"[^\w.-]+", "-", name)
    return build_path(f"log/{under_test()}-{name}.log")


def overlay(out, files):
    """Write a cpio archive of {path in the image: source file}."""
    command = [os.path.join(ROOT, "dom0/make-initramfs"), "-o", out]
    for path, source in files.items():
        kind = "--tree" if os.path.isdir(source) else "--file"
        command += [kind, f"{source}:{path}"]
    subprocess.run(command, check=True)


def append_overlay(out, image, files, work):
    """Write an image followed by an archive of more files to `out`."""
    laid_over = os.path.join(work, "overlay.cpio")
    overlay(laid_over, files)
    with open(out, "wb") as whole:
        for part in (image, laid_over):
            with open(part, "rb") as f:
                shutil.copyfileobj(f, whole)
            whole.write(b"\0" * (-whole.tell() % 512))


class Machine:
    """One run of a machine. Use as a context manager; leaving it kills it.

    `echo` is True to show the serial line as it comes, or a function that
    gets each line with its time.
    """

    def __init__(self, hypervisor="paravane", dom0="linux", image=None,
                 mem="2G", cpus=2, machine="pc", cpu=DEFAULT_CPU,
                 hv_args="", dom0_args="", files=None, script=None,
                 qemu=(), timeout=120, echo=False, log=None, boot="multiboot",
                 loglevel=7, initrd=False):
        self.hypervisor = hypervisor
        self.dom0 = dom0
        peer = hypervisor == "xen" and os.environ.get("PEER") != "hypervisor"
        self.image = image or build_path(
            "dom0-xen.cpio" if peer else "dom0.cpio")
        self.mem, self.cpus = mem, cpus
        self.machine, self.cpu = machine, cpu
        self.hv_args, self.dom0_args = hv_args, dom0_args
        self.files = dict(files or {})
        if script:
            self.files["/test"] = script
        self.extra = list(qemu)
        self.timeout, self.echo, self.boot = timeout, echo, boot
        self.loglevel, self.with_initrd = loglevel, initrd
        self.log = open(log, "w", encoding="utf-8") if log else None
        self.work = tempfile.mkdtemp(prefix="vane-machine-")
        self.lines = []        # (seconds since start, text) of whole lines
        self.partial = ""      # the line that is being printed
        self.seen = 0          # lines that wait() has gone past
        self.reason = None     # why QEMU ended, as QMP tells it
        self.process = None

    # -- starting ----------------------------------------------------------

    def kernel_args(self):
        if self.hypervisor == "native":
            console = "console=ttyS0"
        else:
            console = "console=hvc0 earlyprintk=xen"
        return f"{console} loglevel={self.loglevel} panic=-1 {self.dom0_args}"

    def hypervisor_args(self):
        return ("console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all "
                f"noreboot=0 {self.hv_args}")

    def initrd(self):
        """Dom0's image with this test's files appended to it."""
        if not self.files:
            return self.image
        whole = os.path.join(self.work, "initrd.cpio")
        append_overlay(whole, self.image, self.files, self.work)
        return whole

    def boot_args(self):
        """What QEMU is told to boot."""
        if self.boot == "disk":   # the drive is among the extra arguments
            return []
        linux = self.dom0 == "linux"
        if self.hypervisor == "native":
            kernel = build_path("debian/dom0-vmlinuz") if linux else self.dom0
            return ["-kernel", kernel, "-append", self.kernel_args(),
                    "-initrd", self.initrd()]
        kernel = build_path("debian/dom0-vmlinux") if linux else self.dom0
        args = self.kernel_args() if linux else self.dom0_args
        # QEMU parts modules at commas; a doubled comma is a plain one.
        modules = f"{kernel} {args}".replace(",", ",,")
        if linux or self.with_initrd:
            modules += "," + self.initrd()
        return ["-kernel", HYPERVISORS.get(self.hypervisor, self.hypervisor),
                "-append", self.hypervisor_args(), "-initrd", modules]

    def command(self):
        return ["timeout", "-k", "5", str(self.timeout + 5),
                "qemu-system-x86_64", "-accel", "tcg", "-M", self.machine,
                "-cpu", self.cpu, "-m", self.mem, "-smp", str(self.cpus),
                "-display", "none", "-monitor", "none", "-no-reboot",
                "-nic", "none", "-serial", "stdio",
                "-qmp", f"unix:{self.work}/qmp,server=on,wait=off",
                *self.boot_args(), *self.extra]

    def start(self):
        command = self.command()
        if self.log:
            self.log.write("# " + " ".join(command) + "\n")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.begun = time.monotonic()
        self.qmp = self.connect_qmp()
        self.events = selectors.DefaultSelector()
        self.events.register(self.process.stdout, selectors.EVENT_READ)
        if self.qmp:
            self.events.register(self.qmp, selectors.EVENT_READ)
        return self

    def connect_qmp(self):
        path = os.path.join(self.work, "qmp")
        for _ in range(100):
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                sock.sendall(b'{"execute":"qmp_capabilities"}\n')
                sock.setblocking(False)
                return sock
            except OSError:
                sock.close()
                if self.process.poll() is not None:
                    return None
                time.sleep(0.05)
        return None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.log:
            self.log.write(self.partial)
            self.log.close()
            self.log = None
        shutil.rmtree(self.work, ignore_errors=True)

    # -- following ---------------------------------------------------------

    def seconds(self):
        return time.monotonic() - self.begun

    def take(self, data):
        text = data.decode("utf-8", "replace").replace("\r", "")
        if self.echo is True:
            sys.stdout.write(text)
            sys.stdout.flush()
        *whole, self.partial = (self.partial + text).split("\n")
        now = self.seconds()
        self.lines += [(now, line) for line in whole]
        if callable(self.echo):
            for line in whole:
                self.echo(now, line)
        if self.log:
            for line in whole:
                self.log.write(f"{now:8.2f} {line}\n")
            self.log.flush()

    def take_qmp(self):
        try:
            data = self.qmp.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.events.unregister(self.qmp)
            self.qmp.close()
            self.qmp = None
        for line in data.splitlines():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("event") == "SHUTDOWN":
                self.reason = message["data"]["reason"]

    def pump(self, limit):
        """Take what comes within `limit` seconds. False at the end."""
        open_end = True
        for key, _ in self.events.select(max(0, limit)):
            if key.fileobj is self.qmp:
                self.take_qmp()
                continue
            data = self.process.stdout.read(65536)
            if data:
                self.take(data)
            elif data == b"":
                open_end = False
        return open_end

    def wait(self, pattern, timeout=None):
        """Wait for a line (or its beginning) that matches; return the match.

        Each call goes on behind the line that the last one found.
        """
        wanted = re.compile(pattern)
        limit = time.monotonic() + (timeout or self.timeout)
        limit = min(limit, self.begun + self.timeout)
        running = True
        while True:
            while self.seen < len(self.lines):
                self.seen += 1
                match = wanted.search(self.lines[self.seen - 1][1])
                if match:
                    return match
            match = wanted.search(self.partial)
            if match:
                return match
            if not running:
                raise MachineError(f"machine ended before: {pattern}")
            if time.monotonic() > limit:
                raise MachineError(f"no sign in time of: {pattern}")
            running = self.pump(min(1, limit - time.monotonic()))

    def send(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def finish(self):
        """Follow the machine to its end. Returns why it ended.

        "guest-shutdown" is a power-off, "guest-reset" a reboot (QEMU's
        words), "timeout" a machine that had to be killed.
        """
        limit = self.begun + self.timeout
        while self.pump(min(1, limit - time.monotonic())):
            if time.monotonic() > limit:
                self.reason = "timeout"
                break
        else:
            for _ in range(20):
                if not self.qmp or self.reason:
                    break
                self.pump(0.1)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.reason = "timeout"
        code = self.process.poll()
        if not self.reason:
            self.reason = f"qemu exit {code}"
        self.kill()
        return self.reason

    # -- what was said -----------------------------------------------------

    def text(self):
        return [line for _, line in self.lines]

    def find(self, pattern):
        """First match of a pattern as (seconds, match), or None."""
        wanted = re.compile(pattern)
        for when, line in self.lines:
            match = wanted.search(line)
            if match:
                return when, match
        return None

    def tap(self):
        """The TAP lines of the test script."""
        return [line.strip() for line in self.text() if TAP_LINE.match(line)]

    def status(self):
        """Exit status of the test script, None if it did not end."""
        found = self.find(r"@@ exit (\d+)")
        return int(found[1][1]) if found else None

    def dmesg(self):
        """The kernel log as (level, text), if init printed it."""
        log, inside = [], False
        for line in self.text():
            if line.startswith("@@ dmesg begin"):
                inside = True
            elif line.startswith("@@ dmesg end"):
                inside = False
            elif inside:
                match = re.match(r"<(\d+)>(?:\[\s*[\d.]+\] )?(.*)", line)
                if match:
                    log.append((int(match[1]) & 7, match[2]))
        return log
