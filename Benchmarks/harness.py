"""What every measurement needs: running things, mounts, and the comparison of two sides.

A measurement is a function that does one thing once and returns a `Sample`. `compare` runs two of them in alternating order
after a warm-up and reports the ratio of their medians. Nothing here decides whether a figure is good.
"""

import contextlib
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

PROGRAM = os.environ["RESTIC_GITFS_BINARY"]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Sample:
    """What one run took: seconds, CPU seconds of all processes that worked for it, and the largest one's peak in MiB."""

    seconds: float
    cpu: float = 0.0
    peak: float = 0.0


@dataclass
class Row:
    name: str
    peer: str
    goal: str
    ours: list = field(default_factory=list)
    theirs: list = field(default_factory=list)

    def as_json(self):
        def side(samples):
            return {
                "seconds": round(statistics.median(s.seconds for s in samples), 4),
                "cpu_seconds": round(statistics.median(s.cpu for s in samples), 3),
                "peak_mib": round(max(s.peak for s in samples), 1),
                "all_seconds": [round(s.seconds, 4) for s in samples],
            }

        ours, theirs = side(self.ours), side(self.theirs)
        ratio = ours["seconds"] / theirs["seconds"]
        cpu_ratio = ours["cpu_seconds"] / theirs["cpu_seconds"] if theirs["cpu_seconds"] else None
        return {
            "name": self.name, "peer": self.peer, "goal": self.goal, "ours": ours, "theirs": theirs,
            "ratio": round(ratio, 3), "cpu_ratio": round(cpu_ratio, 3) if cpu_ratio else None,
        }


class Bench:
    def __init__(self, directory, runs):
        self.directory = pathlib.Path(directory)
        self.runs = runs
        self.rows = []
        self.notes = {}
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("RESTIC_", "GIT_", "XDG_RUNTIME_"))
        }
        self.environment.update(
            RESTIC_PASSWORD="benchmark", RESTIC_CACHE_DIR=str(self.directory / "cache"),
            XDG_STATE_HOME=str(self.directory / "state"), GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
            GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@example.org", GIT_COMMITTER_NAME="b",
            GIT_COMMITTER_EMAIL="b@example.org", RESTIC_PROGRESS_FPS="0.1",
            # git finds git-remote-restic, and that finds restic-gitfs.
            PATH=f"{pathlib.Path(PROGRAM).parent}:{os.environ['PATH']}")
        self.number = 0

    # Running things

    def run(self, *command, cwd=None):
        """Runs a command and returns its Sample; a failure ends the benchmark."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=self.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        if process.returncode != 0:
            sys.exit(f"{command} failed: {errors.decode(errors='replace')}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Sample(seconds, cpu, usage.ru_maxrss / 1024)

    def run_output(self, *command, cwd=None):
        """Runs a command and returns what it prints; a failure ends the benchmark."""
        return subprocess.run(
            [str(part) for part in command], cwd=cwd, env=self.environment, stdout=subprocess.PIPE, check=True,
            text=True).stdout

    def fresh(self, name):
        self.number += 1
        path = self.directory / f"{name}-{self.number}"
        shutil.rmtree(path, ignore_errors=True)
        return path

    def new_repository(self):
        path = self.fresh("vault")
        self.run(PROGRAM, "init", "-q", "-r", path)
        return path

    @contextlib.contextmanager
    def mounted(self, repository, *options):
        """A mount of restic-gitfs; yields (mountpoint, Daemon)."""
        mountpoint = self.fresh("mnt")
        mountpoint.mkdir()
        self.run(PROGRAM, "mount", "-q", "-r", repository, *options, mountpoint)
        status = json.loads(os.getxattr(mountpoint, "user.restic.status"))
        try:
            yield mountpoint, Daemon(status["pid"])
        finally:
            self.run(PROGRAM, "umount", "-q", mountpoint)
            mountpoint.rmdir()

    @contextlib.contextmanager
    def restic_mounted(self, repository):
        mountpoint = self.fresh("restic-mnt")
        mountpoint.mkdir()
        process = subprocess.Popen(
            ["restic", "-r", str(repository), "mount", str(mountpoint)], env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        latest = mountpoint / "snapshots" / "latest"
        while not os.path.ismount(mountpoint):
            time.sleep(0.02)
        while not latest.exists():
            time.sleep(0.02)
        try:
            yield latest, Daemon(process.pid)
        finally:
            subprocess.run(["fusermount3", "-u", str(mountpoint)], check=False)
            process.wait()
            mountpoint.rmdir()

    def compare(self, name, peer, goal, ours, theirs):
        row = Row(name, peer, goal)
        ours(), theirs()  # warm-up
        for run in range(self.runs):
            for side, samples in [(ours, row.ours), (theirs, row.theirs)][:: 1 if run % 2 == 0 else -1]:
                samples.append(side())
        self.rows.append(row)
        print_row(row.as_json())

    def note(self, name, value):
        self.notes[name] = value
        print(f"  {name}: {value}", flush=True)


class Daemon:
    """A process that serves a mount."""

    def __init__(self, pid):
        self.pid = pid

    def __call__(self):
        """Its CPU seconds and peak resident MiB so far."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS, self._status("VmHWM")

    def resident(self):
        """Its resident MiB now."""
        return self._status("VmRSS")

    def _status(self, name):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) / 1024


def plus(sample, usage, usage_before=(0.0, 0.0)):
    """A client's sample with what the daemon used meanwhile."""
    return Sample(sample.seconds, sample.cpu + usage[0] - usage_before[0], max(sample.peak, usage[1]))


def added(*samples):
    return Sample(sum(s.seconds for s in samples), sum(s.cpu for s in samples), max(s.peak for s in samples))


def drop_caches():
    """Empties the page cache, where we may: what is then read is cold for both sides."""
    os.sync()
    if os.geteuid() == 0:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def print_row(row):
    ours, theirs = row["ours"], row["theirs"]
    cpu = f"{row['cpu_ratio']:.2f}" if row["cpu_ratio"] else "-"
    print(
        f"{row['name']:<44} {ours['seconds']:>8.3f} s {theirs['seconds']:>8.3f} s  x {row['ratio']:<6.2f}"
        f" cpu {ours['cpu_seconds']:>6.2f} / {theirs['cpu_seconds']:<6.2f} x {cpu:<5}"
        f" peak {ours['peak_mib']:>5.0f} / {theirs['peak_mib']:<5.0f} MiB  {row['peer']} (goal {row['goal']})",
        flush=True)


@contextlib.contextmanager
def memory_curve(pid, curve):
    """Appends the resident MiB of a process to `curve`, four times a second."""
    stop = threading.Event()

    def sample():
        while not stop.wait(0.25):
            with contextlib.suppress(OSError):
                pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
                curve.append(pages * os.sysconf("SC_PAGE_SIZE") >> 20)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
