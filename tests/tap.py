"""Print TAP, and judge the log of a Dom0."""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ALLOW_LIST = os.path.join(HERE, "allow-list.txt")

# Words of a kernel that found itself broken. A line of the driver core such
# as "Warning: unable to open an initial console" is judged by its level.
BROKEN = re.compile(
    r"WARNING:|\bBUG\b|\bOops\b|lockup|Call Trace|rcu.*stall|Kernel panic|"
    r"hung_task|blocked for more than|general protection fault|"
    r"unable to handle|UBSAN|KASAN|list_(add|del) corruption")
# The hypervisor's own words for its end, or for what it did not expect.
HV_BROKEN = re.compile(r"panic|assertion|FATAL|Xen BUG|Xen WARN", re.I)


class Tap:
    """Counts tests; the plan comes last, so that rows may be picked."""

    def __init__(self):
        self.count = self.failures = 0

    def ok(self, passed, name, *details):
        self.count += 1
        if not passed:
            self.failures += 1
        print(f"{'ok' if passed else 'not ok'} {self.count} - {name}")
        if not passed:
            for line in details:
                print(f"#   {line}")
        sys.stdout.flush()
        return passed

    def take(self, lines, prefix):
        """Take over the results of a script that ran in Dom0."""
        planned, results = None, 0
        for line in lines:
            match = re.match(r"(ok|not ok)\b(?: \d+)?(?: -)? ?(.*)", line)
            if match:
                results += 1
                self.ok(match[1] == "ok", f"{prefix}: {match[2]}")
            elif line.startswith("1.."):
                planned = int(line[3:])
            elif line.startswith("#"):
                print(line)
        self.ok(planned == results, f"{prefix}: ran as planned",
                f"planned {planned}, got {results} results")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failures else 0


def plain(text):
    """A log line without what differs from boot to boot."""
    text = re.sub(r"^(<\d+>)?\[ *\d+\.\d+\] ", "", text)
    text = re.sub(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b", "#", text)
    return re.sub(r"\d+", "#", text).strip()


def allow_list():
    try:
        with open(ALLOW_LIST, encoding="utf-8") as f:
            return {line.rstrip("\n") for line in f
                    if line.strip() and not line.startswith("#")}
    except FileNotFoundError:
        return set()


def error_lines(machine):
    """Lines of the kernel log at level "error" and worse (<=3)."""
    return [text for level, text in machine.dmesg() if level <= 3]


def judge_log(tap, machine, name, expected=None):
    """Nothing broken in the log, no error that the peer does not show.

    expected: a pattern of error lines that belong to what is tested.
    """
    tap.ok(machine.dmesg(), f"{name}: kernel log was handed over")
    record = os.environ.get("RECORD")
    if record:  # the allow-list is being made: see tests/rules.mk
        with open(record, "a", encoding="utf-8") as f:
            f.writelines(plain(e) + "\n" for e in error_lines(machine))
        return
    allowed = allow_list()
    broken = [line for line in machine.text()
              if plain(line) not in allowed and (BROKEN.search(line) or
              (line.startswith(("(XEN)", "(PV)")) and HV_BROKEN.search(line)))]
    tap.ok(not broken, f"{name}: log holds no sign of a fault", *broken[:20])
    news = [text for text in error_lines(machine)
            if plain(text) not in allowed and
            not (expected and re.match(expected, text))]
    tap.ok(not news, f"{name}: no error line that the peer lacks", *news[:20])


def last_words(machine, count=15):
    return machine.text()[-count:]
