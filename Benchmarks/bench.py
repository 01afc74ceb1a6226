"""Measures restic-gitfs beside its peers: see scripts/bench --help.

A measurement is a function that does one thing once and returns a `Sample`. `compare` runs two of them in alternating order
after a warm-up and reports the ratio of their medians. Nothing here decides whether a figure is good.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

PROGRAM = os.environ["RESTIC_GITFS_BINARY"]
PARTS = os.environ["BENCHMARK_PARTS"]
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
        self.environment = {
            key: value for key, value in os.environ.items() if not key.startswith(("RESTIC_", "GIT_"))
        }
        self.environment.update(
            RESTIC_PASSWORD="benchmark", RESTIC_CACHE_DIR=str(self.directory / "cache"),
            XDG_STATE_HOME=str(self.directory / "state"), GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
            GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@example.org", GIT_COMMITTER_NAME="b",
            GIT_COMMITTER_EMAIL="b@example.org", RESTIC_PROGRESS_FPS="0.1")
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
        """A mount of ours; yields (mountpoint, function that returns CPU seconds and peak MiB of the daemon so far)."""
        mountpoint = self.fresh("mnt")
        mountpoint.mkdir()
        self.run(PROGRAM, "mount", "-q", "-r", repository, *options, mountpoint)
        status = json.loads(os.getxattr(mountpoint, "user.restic.status"))
        try:
            yield mountpoint, lambda: daemon_usage(status["pid"])
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
            yield latest, lambda: daemon_usage(process.pid)
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
        print(f"  {name}: {value}", flush=True)


def daemon_usage(pid):
    """CPU seconds and peak resident MiB of a process that is still running."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return (int(fields[11]) + int(fields[12])) / TICKS, peak / 1024


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


# What is measured


def source_repository(bench, path):
    """The repository to push: a mirror of `path`, or a generated one of 2,000 commits and about 90 MiB."""
    source = bench.directory / "source.git"
    if path:
        bench.run("git", "clone", "-q", "--mirror", path, source)
        return source
    bench.run("git", "init", "-q", "--bare", source)
    feed = subprocess.Popen(
        ["git", "--git-dir", str(source), "fast-import", "--quiet"], stdin=subprocess.PIPE, env=bench.environment)
    numbers = __import__("random").Random(1)
    for commit in range(2000):
        text = "".join(f"line {numbers.getrandbits(64):x}\n" for _ in range(400))
        feed.stdin.write(
            f"commit refs/heads/main\ncommitter b <b@example.org> {1_600_000_000 + commit} +0000\ndata 2\nc\n"
            f"M 100644 inline d{commit % 40}/f{commit % 700}\ndata {len(text)}\n{text}\n".encode())
        if commit % 20 == 0:
            blob = numbers.randbytes(600_000)
            feed.stdin.write(f"M 100644 inline bin/{commit}\ndata {len(blob)}\n".encode() + blob + b"\n")
    feed.stdin.close()
    feed.wait()
    bench.run("git", "--git-dir", source, "repack", "-adq")
    return source


def measure_store(bench, size):
    data = bench.directory / "random"
    with open(data, "wb") as file:
        for _ in range(size):
            file.write(os.urandom(1 << 20))

    def ours():
        repository = bench.new_repository()
        with bench.mounted(repository) as (mountpoint, usage):
            copied = bench.run("cp", data, mountpoint / "random")
            synced = bench.run(PROGRAM, "sync", "-q", mountpoint)
            sample = plus(added(copied, synced), usage())
        shutil.rmtree(repository)
        return sample

    def theirs():
        repository = bench.new_repository()
        sample = bench.run("restic", "-r", repository, "backup", "-q", data)
        shutil.rmtree(repository)
        return sample

    bench.compare(f"store {size} MiB of random data", "restic backup", "cpu <= 0.5", ours, theirs)
    return data


def measure_push(bench, source):
    def ours():
        repository = bench.new_repository()
        with bench.mounted(repository) as (mountpoint, usage):
            pushed = bench.run("git", "push", "-q", "--mirror", mountpoint, cwd=source)
            synced = bench.run(PROGRAM, "sync", "-q", mountpoint)
            sample = plus(added(pushed, synced), usage())
        shutil.rmtree(repository)
        return sample

    def plain():
        target = bench.fresh("plain.git")
        bench.run("git", "init", "-q", "--bare", target)
        bench.run("git", "--git-dir", target, "config", "receive.unpackLimit", "1")
        sample = bench.run("git", "push", "-q", "--mirror", target, cwd=source)
        shutil.rmtree(target)
        return sample

    def plain_and_backup():
        target = bench.fresh("plain.git")
        repository = bench.new_repository()
        bench.run("git", "init", "-q", "--bare", target)
        bench.run("git", "--git-dir", target, "config", "receive.unpackLimit", "1")
        pushed = bench.run("git", "push", "-q", "--mirror", target, cwd=source)
        sample = added(pushed, bench.run("restic", "-r", repository, "backup", "-q", target))
        shutil.rmtree(target)
        shutil.rmtree(repository)
        return sample

    bench.compare("push everything + sync", "git push", "<= 1.1", ours, plain)
    bench.compare("push everything + sync", "git push + restic backup", "<= 0.8", ours, plain_and_backup)


def measure_commit(bench, source):
    work = bench.directory / "work"
    bench.run("git", "clone", "-q", source, work)
    repository, target, backup = bench.new_repository(), bench.fresh("plain.git"), bench.new_repository()
    bench.run("git", "clone", "-q", "--mirror", source, target)
    bench.run("restic", "-r", backup, "backup", "-q", target)
    with bench.mounted(repository) as (mountpoint, usage):
        bench.run("git", "push", "-q", "--mirror", mountpoint, cwd=source)
        bench.run(PROGRAM, "sync", "-q", mountpoint)

        def commit():
            bench.number += 1
            (work / "one").write_text(str(bench.number))
            bench.run("git", "add", "one", cwd=work)
            bench.run("git", "commit", "-q", "-m", "one", cwd=work)

        def ours():
            commit()
            before = usage()
            pushed = bench.run("git", "push", "-q", mountpoint, "HEAD:refs/heads/one", cwd=work)
            return plus(added(pushed, bench.run(PROGRAM, "sync", "-q", mountpoint)), usage(), before)

        def theirs():
            commit()
            pushed = bench.run("git", "push", "-q", target, "HEAD:refs/heads/one", cwd=work)
            return added(pushed, bench.run("restic", "-r", backup, "backup", "-q", target))

        bench.compare("push one commit + sync, open mount", "git push + restic backup", "<= 0.25", ours, theirs)


def measure_clone(bench, source):
    repository, target = bench.new_repository(), bench.fresh("plain.git")
    bench.run("git", "clone", "-q", "--mirror", source, target)
    with bench.mounted(repository) as (mountpoint, _):
        bench.run("git", "push", "-q", "--mirror", mountpoint, cwd=source)

    def clone(path):
        copy = bench.fresh("clone.git")
        sample = bench.run("git", "clone", "-q", "--no-hardlinks", "--bare", path, copy)
        shutil.rmtree(copy)
        return sample

    with bench.mounted(repository) as (mountpoint, usage):

        def warm():
            before = usage()
            return plus(clone(mountpoint), usage(), before)

        bench.compare("clone, warm", "git clone of a plain directory", "<= 1.15", warm, lambda: clone(target))

    def cold():
        drop_caches()
        with bench.mounted(repository) as (mountpoint, usage):
            before = usage()
            return plus(clone(mountpoint), usage(), before)

    def cold_restic():
        drop_caches()
        with bench.restic_mounted(repository) as (latest, usage):
            before = usage()
            return plus(clone(latest), usage(), before)

    bench.compare("clone, cold", "git clone through restic mount", "<= 0.5", cold, cold_restic)


def measure_read(bench, data):
    repository = bench.new_repository()
    bench.run("restic", "-r", repository, "backup", "-q", data)

    def read(path):
        return bench.run("dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none")

    def sides(second):
        def ours():
            drop_caches()
            with bench.mounted(repository, "--read-only") as (mountpoint, usage):
                path = str(mountpoint) + str(data)
                if second:
                    read(path)
                before = usage()
                return plus(read(path), usage(), before)

        def theirs():
            drop_caches()
            with bench.restic_mounted(repository) as (latest, usage):
                path = str(latest) + str(data)
                if second:
                    read(path)
                before = usage()
                return plus(read(path), usage(), before)

        return ours, theirs

    bench.compare("read a large file, cold", "restic mount", "<= 0.33", *sides(False))
    bench.compare("read a large file, again", "restic mount", "<= 0.1", *sides(True))


def measure_fio(bench):
    """fio's own bandwidth in MiB/s, ours beside tmpfs: what the file system costs on top of memory."""

    def bandwidth(directory, kind, block):
        result = subprocess.run(
            ["fio", "--name=job", f"--directory={directory}", f"--rw={kind}", f"--bs={block}", "--size=256m",
             "--ioengine=psync", "--output-format=json", "--runtime=10", "--invalidate=1", "--end_fsync=0"],
            env=bench.environment, capture_output=True, check=True)
        job = json.loads(result.stdout)["jobs"][0]
        return (job["read"]["bw"] + job["write"]["bw"]) / 1024

    tmpfs = pathlib.Path("/dev/shm") / f"restic-gitfs-bench-{os.getpid()}"
    tmpfs.mkdir()
    figures = []
    try:
        for kind, block in [("write", "1m"), ("read", "1m"), ("randwrite", "4k"), ("randread", "4k")]:
            ours, theirs = [], []
            for _ in range(bench.runs):
                repository = bench.new_repository()
                with bench.mounted(repository) as (mountpoint, _):
                    ours.append(bandwidth(mountpoint, kind, block))
                shutil.rmtree(repository)
                theirs.append(bandwidth(tmpfs, kind, block))
                for file in tmpfs.iterdir():
                    file.unlink()
            row = {"name": f"fio {kind} {block}", "ours_mib_s": round(statistics.median(ours)),
                   "tmpfs_mib_s": round(statistics.median(theirs))}
            figures.append(row)
            print(f"{row['name']:<44} {row['ours_mib_s']:>6} MiB/s  tmpfs {row['tmpfs_mib_s']} MiB/s", flush=True)
    finally:
        shutil.rmtree(tmpfs)
    return figures


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", add_help=False)
    parser.add_argument("--repo")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="parts,store,push,commit,clone,read,fio")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--json")
    parser.add_argument("--dir")
    options = parser.parse_args()
    groups = set(options.only.split(","))
    directory = tempfile.mkdtemp(prefix="restic-gitfs-bench-", dir=options.dir)
    result = {
        "machine": platform.machine(), "kernel": platform.release(), "cores": os.cpu_count(),
        "cpu": next((line.split(": ")[1] for line in open("/proc/cpuinfo") if line.startswith("model name")), "?").strip(),
        "restic": subprocess.run(["restic", "version"], capture_output=True, text=True, check=True).stdout.strip(),
        "git": subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip(),
        "runs": options.runs,
    }
    print(f"{result['cpu']}, {result['cores']} cores, Linux {result['kernel']}; {result['restic']}; {result['git']}")
    try:
        bench = Bench(directory, options.runs)
        if "parts" in groups:
            parts = subprocess.run([PARTS], capture_output=True, text=True, check=True).stdout
            result["parts"] = json.loads(parts)
            for name, value in result["parts"].items():
                bench.note(name, value)
        print(f"{'':<44} {'ours':>10} {'peer':>10}")
        data = measure_store(bench, options.size) if groups & {"store", "read"} else None
        if groups & {"push", "commit", "clone"}:
            source = source_repository(bench, options.repo)
            if "push" in groups:
                measure_push(bench, source)
            if "commit" in groups:
                measure_commit(bench, source)
            if "clone" in groups:
                measure_clone(bench, source)
        if "read" in groups:
            measure_read(bench, data)
        result["rows"] = [row.as_json() for row in bench.rows]
        if "fio" in groups:
            result["fio"] = measure_fio(bench)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


main()
