"""How far a scan is: files, speed, matches against quotas, time left; on the terminal, and in the log for later."""

import multiprocessing
import sys
import threading
import time

from orrery import logs

ON_TERMINAL, IN_LOG = 0.5, 30  # seconds between two lines


class Shared:
    """Counters that all processes of a scan write to."""

    def __init__(self, n_units):
        context = multiprocessing.get_context("fork")
        # No locks, which a killed process would never give back; each unit has counters of its own.
        self.stop = context.Value("b", 0, lock=False)
        self.text = context.Array("q", n_units, lock=False)
        self.read = context.Array("q", n_units, lock=False)

    def note(self, number, text, read):
        """Count a batch of a unit; whether to stop."""
        self.text[number] += text
        self.read[number] = read
        return bool(self.stop.value)

    def finish(self, number, size):
        """Count a unit as read."""
        self.read[number] = size


class Progress:
    """Shows a scan while it runs. A context manager."""

    def __init__(self, name, units, concepts):
        self._name, self._units = name, units
        self._size = sum(file.size for unit in units for file in unit)
        self._quotas = {concept: spec["options"]["per_label"] for concept, spec in concepts.items()}
        self.shared = Shared(len(units))
        self._counts, self._merged = {}, 0
        self._began, self._over = time.monotonic(), threading.Event()
        self._thread = None

    def __enter__(self):
        return self

    def start(self):
        """Begin to show it; called once the processes exist, as a thread must not be forked."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()

    def merged(self, merges):
        """Take note of what the files read so far gave."""
        self.start()
        self._merged += 1
        self._counts = {concept: merge.counts() for concept, merge in merges.items()}

    def __exit__(self, *_):
        self._over.set()
        if self._thread:
            self._thread.join()
        if logs.terminal.isatty():
            print("\r\x1b[K", end="", file=logs.terminal, flush=True)
        print(self.line())

    def _show(self):
        live, logged = logs.terminal.isatty(), time.monotonic()
        while not self._over.wait(ON_TERMINAL if live else IN_LOG):
            if live:
                print(f"\r{self.line()[:200]}\x1b[K", end="", file=logs.terminal, flush=True)
            if time.monotonic() - logged >= IN_LOG:
                logged = time.monotonic()
                print(self.line(), flush=True, file=sys.stdout)

    def line(self):
        """`fineweb: 3 of 14 files, 5,120 MB of text at 690 MB/s, weekdays 530/700 (least: Tuesday 41), at most …`."""
        seconds = max(1e-3, time.monotonic() - self._began)
        text, read = sum(self.shared.text[:]), sum(self.shared.read[:])
        parts = [
            f"{sum(map(len, self._units[: self._merged]))} of {sum(map(len, self._units))} files",
            f"{text / 1e6:,.0f} MB of text at {text / 1e6 / seconds:,.0f} MB/s",
            *(self._concept(name, counts) for name, counts in self._counts.items()),
        ]
        if 0 < read < self._size:
            left = int(seconds * (self._size - read) / read)
            parts.append(f"at most {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left")
        return f"{self._name}: " + ", ".join(parts)

    def _concept(self, name, counts):
        quota, least = self._quotas[name], min(counts, key=counts.get)
        return f"{name} {sum(counts.values()):,}/{quota * len(counts):,} (least: {least} {counts[least]:,})"
