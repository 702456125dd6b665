"""What the areas of the bench share: machines, figures, rows, tables.

An area is one way of measuring: `measure(machine)` runs one machine once and
returns {name: figure}. A figure is a list: the value, and for some areas how
many CR3 loads, CR4 writes and INVLPGs one operation took (flushes.c). The
bench runs every machine of every area in turn, several times, and takes the
medians; spread is how far, in per cent, the furthest run of ours was off.

All machines run with -icount shift=0: one nanosecond is one instruction, so
that figures can be compared between runs and between machines.
"""

import json
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import machine as m  # noqa: E402

PEER = "Debian xen-hypervisor-4.17"
CPU = m.DEFAULT_CPU + ",-erms"
# The clock of the day runs with the machine's: who waits for its next second
# waits equally long in every run.
ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc",
          "base=2026-01-01T00:00:00,clock=vm", "-vga", "none"]
COUNTS = ("CR3 loads", "CR4 writes", "INVLPG")


def processor_time():
    """What the machines so far have used: what they take when it is quiet."""
    times = os.times()
    return times.children_user + times.children_system


class Failed(Exception):
    """A machine did not measure what it should have."""


class Area:
    """What is measured together, and how its figures become rows.

    `machines` are what measure() takes, ours last; `goals` upper bounds, as
    multiples of the first machine's figure if `relative`; `unit` is a text,
    or a dictionary by name.
    `first` is whose figures stand in the table's first column.
    """

    first = "native"

    def __init__(self, name, title, unit, machines, measure, goals,
                 relative=False, bound_by_peer=False, peer=None):
        self.name, self.title, self.unit = name, title, unit
        self.machines, self.measure = machines, measure
        self.goals, self.relative = goals, relative
        self.bound_by_peer = bound_by_peer
        self.peer = peer  # what stands in the place of Debian's Xen
        self.runs = {name: [] for name in machines}

    def run(self):
        """Each machine once. False when one has failed."""
        well = True
        for machine in self.machines:
            begun, used = time.monotonic(), processor_time()
            try:
                self.runs[machine].append(self.measure(machine))
                print(f"# {self.name}, {machine}: "
                      f"{time.monotonic() - begun:.0f} s, "
                      f"{processor_time() - used:.0f} s of a processor",
                      file=sys.stderr)
            except Failed as failure:
                print(f"# {self.name}, {machine}: {failure}", file=sys.stderr)
                well = False
        return well

    def figures(self, machine):
        """{name: median figure} of the machine's runs."""
        runs = self.runs[machine]
        return {name: [statistics.median(run[name][i] for run in runs)
                       for i in range(len(runs[0][name]))]
                for name in (runs[0] if runs else ())
                if all(name in run for run in runs)}

    def spread(self, machine, name):
        values = [run[name][0] for run in self.runs[machine]]
        middle = statistics.median(values)
        return max(abs(v - middle) for v in values) / middle * 100 \
            if middle else 0.0

    def goal(self, name, native, peer):
        goal = self.goals.get(name)
        if goal is None:
            return peer if self.bound_by_peer else None
        return goal * native if self.relative and native else goal

    def row(self, name, figures):
        def value(machine):
            return figures.get(machine, {}).get(name, [None])[0]
        ours, peer, native = value("paravane"), value("xen"), value("native")
        goal = self.goal(name, native, peer)
        unit = self.unit[name] if isinstance(self.unit, dict) else self.unit
        row = {"name": name, "unit": unit, "ours": ours, "peer": peer,
               "peer_name": self.peer or PEER, "goal": goal, "native": native,
               "ratio": ours / peer if ours is not None and peer else None,
               # 0.5 % is the method's own spread
               "met": ours <= goal * 1.005 if None not in (ours, goal)
               else None,
               "spread_percent": round(self.spread("paravane", name), 2)
               if ours is not None else None}
        for machine, found in figures.items():
            if len(found.get(name, [])) == 1 + len(COUNTS):
                row[f"{machine} flushes"] = dict(zip(COUNTS, found[name][1:]))
        return row

    def rows(self):
        figures = {machine: self.figures(machine)
                   for machine in self.machines}
        # Whatever any of them measured: a figure that we lack is a row too.
        names = dict.fromkeys(n for found in reversed(figures.values())
                              for n in found)
        return [self.row(name, figures) for name in names]


def flush_counts(path, operations):
    """What flushes.c wrote, a line for each of the rows, per operation."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
    os.remove(path)
    if len(lines) != len(operations):
        raise Failed(f"{len(lines)} lines of flush counts for "
                     f"{len(operations)} rows")
    return [[int(word) / n for word in line.split()]
            for line, n in zip(lines, operations)]


def flush_plugin(path):
    return f"{m.build_path('bench/flushes.so')},out={path}"


def shown(value):
    if value is None:
        return ""
    if value >= 1000:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 20 else f"{value:.2f}"


def flushes_more(row):
    """Whether ours has more of any of the counts than the other.

    The round that is counted may hold a timer's tick or a daemon's work.
    """
    ours, xen = (row.get(f"{machine} flushes", {})
                 for machine in ("paravane", "xen"))
    return any(ours[count] > xen[count] * 1.01 + 0.05
               for count in xen if count in ours)


def flushes_shown(row, machine):
    counts = row.get(f"{machine} flushes")
    if not counts:
        return ""
    return " ".join("0" if v < 0.005 else f"{v:.2f}".rstrip("0").rstrip(".")
                    for v in counts.values())


def table(area, rows):
    """A table in Markdown, its columns also even to the eye."""
    native = any(r["native"] is not None for r in rows)
    counted = any("paravane flushes" in r for r in rows)
    head = [area.unit if isinstance(area.unit, str) else ""]
    first, peer = area.first, area.peer or "Xen"
    head += [first] * native + [peer, "ours", f"ours/{peer}"]
    head += [f"{peer}/{first}", f"ours/{first}"] * native
    head += ["goal", "spread %"]
    head += [f"flushes {peer}", "flushes ours"] * counted
    lines = [head]
    for r in rows:
        def times(of, base=r["native"]):
            return shown(of / base) if of is not None and base else ""
        goal = shown(r["goal"]) + ("" if r["met"] is not False else " missed")
        name = r["name"] if isinstance(area.unit, str) \
            else f"{r['name']}, {r['unit']}"
        line = [name]
        line += [shown(r["native"])] * native
        line += [shown(r["peer"]), shown(r["ours"]), shown(r["ratio"])]
        line += [times(r["peer"]), times(r["ours"])] if native else []
        line += [goal, shown(r["spread_percent"])]
        line += [flushes_shown(r, "xen"),
                 flushes_shown(r, "paravane")] * counted
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    rule = ["-" * widths[0]] + ["-" * (w - 1) + ":" for w in widths[1:]]

    def laid(line):
        first, *rest = zip(line, widths)
        return "| " + " | ".join([first[0].ljust(first[1])] + [
            text.rjust(width) for text, width in rest]) + " |"
    return "\n".join(laid(line) for line in [head, rule] + lines[1:])


def write(area, rows):
    os.makedirs(m.build_path("bench"), exist_ok=True)
    with open(m.build_path(f"bench/{area.name}.json"), "w",
              encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
