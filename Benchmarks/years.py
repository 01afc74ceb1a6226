"""Years of pushes to one repository, by URL and by path, beside git's housekeeping and restic's: see scripts/years --help.

Nothing here decides whether a figure is good. The last lines say whether git and restic find the repository sound. After each
checkpoint the files of --json and --plot are written, so that a run that is cut short has its figures.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from harness import PROGRAM, Bench
from plot import write_plot

PARTS = os.environ["BENCHMARK_PARTS"]
# The figures of a checkpoint are those of this many pushes by URL before it: several rounds of housekeeping.
WINDOW = 60
POINTS = (1, 20, 100, 300, 1000, 3000, 9000)
# What each clone holds.
FILES = 100
# What a push into a fresh repository stores is an average over so many.
FRESH = 20
# How long restic waits for a client that keeps house, in seconds.
PATIENCE = 120


class Clients:
    """Clones that push by URL, and one that pushes to a mount, which stays."""

    def __init__(self, bench, location, count, seed, options):
        self.bench, self.location, self.options = bench, location, options
        self.random = random.Random(seed)
        self.url = f"restic::{location}"
        self.mountpoint = bench.fresh("mnt")
        self.mountpoint.mkdir()
        self.number = 0
        first = bench.fresh("client")
        bench.run("git", "init", "-q", "-b", "main", first)
        self.folders = [first]
        self.keep_in_order(first)
        # As many as there will ever be: so each push is as large as the others.
        for number in range(FILES):
            (first / f"file{number}").write_text(f"{number} {self.random.random()}\n")
        bench.run("git", "add", ".", cwd=first)
        self.commit(first)
        bench.run("git", "remote", "add", "origin", self.url, cwd=first)
        for name, value in options:
            bench.run("git", "config", f"remote.origin.{name}", value, cwd=first)
        bench.run("git", "push", "-q", "-u", "origin", "main", cwd=first)
        while len(self.folders) < count:
            folder = bench.fresh("client")
            settings = [word for name, value in options for word in ("-c", f"remote.origin.{name}={value}")]
            bench.run("git", "clone", "-q", *settings, self.url, folder)
            self.folders.append(folder)
            self.keep_in_order(folder)
        bench.run(PROGRAM, "mount", "-q", "-r", location, *self.mount_options(), self.mountpoint)

    def keep_in_order(self, folder):
        """Has git pack the client's own objects at a commit now and then, so that they add nothing to the time of a push."""
        for name, value in [("gc.auto", "500"), ("gc.autoDetach", "false")]:
            self.bench.run("git", "config", name, value, cwd=folder)

    def mount_options(self):
        off = ("resticMaintenance", "false") in self.options
        return ["--no-maintenance"] if off else []

    def close(self):
        self.bench.run(PROGRAM, "umount", "-q", self.mountpoint)

    def commit(self, folder):
        """A commit that adds a line to one of the files."""
        self.number += 1
        name = f"file{self.random.randrange(FILES)}"
        with open(folder / name, "a") as file:
            file.write(f"{self.number} {self.random.random()}\n")
        self.bench.run("git", "add", name, cwd=folder)
        self.bench.run("git", "commit", "-q", "-m", f"commit {self.number}", cwd=folder)

    def push(self, by_url):
        """One push of something. Returns its Sample: what the person at the terminal waits for."""
        folder = self.random.choice(self.folders)
        remote = "origin" if by_url else str(self.mountpoint)
        kind = self.random.choices(["branch", "tag", "new", "delete", "force"], [80, 5, 7, 4, 4])[0]
        branch = f"topic{self.folders.index(folder)}-{self.random.randrange(5)}"
        if kind == "delete":
            refs = self.bench.run_output("git", "ls-remote", "--heads", str(self.mountpoint)).split()[1::2]
            others = [ref for ref in refs if ref.startswith("refs/heads/old/")]
            if others:
                return self.bench.run("git", "push", "-q", remote, f":{self.random.choice(others)}", cwd=folder)
            kind = "new"
        self.commit(folder)
        if kind == "tag":
            return self.bench.run("git", "push", "-q", remote, f"HEAD:refs/tags/v{self.number}", cwd=folder)
        if kind == "new":
            return self.bench.run("git", "push", "-q", remote, f"HEAD:refs/heads/old/{self.number}", cwd=folder)
        if kind == "force":
            self.bench.run("git", "commit", "-q", "--amend", "-m", f"amended {self.number}", cwd=folder)
        return self.bench.run("git", "push", "-q", "-f", remote, f"HEAD:refs/heads/{branch}", cwd=folder)

    def step(self):
        """One push, the first one and three of four others by URL. Returns (by_url, Sample)."""
        by_url = self.random.random() < 0.75 or self.number == 1
        if not by_url:
            # Somebody who pushes to a mount looks first at what others have pushed by URL.
            self.bench.run(PROGRAM, "sync", "-q", self.mountpoint)
        sample = self.push(by_url)
        if not by_url:
            self.bench.run(PROGRAM, "sync", "-q", self.mountpoint)
        return by_url, sample


def stored_bytes(folder):
    """What the files of a repository on this disk hold."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def count(folder, pattern="*"):
    return sum(1 for file in folder.rglob(pattern) if file.is_file())


def checkpoint(bench, clients, location, pushed, recent, grown):
    """The figures after `pushed` pushes. `recent`: the last Samples by URL; `grown`: bytes that each of them stored."""
    bench.run(PROGRAM, "sync", "-q", clients.mountpoint)
    status = json.loads(os.getxattr(clients.mountpoint, "user.restic.status"))
    memory = next(
        int(line.split()[1]) / 1024
        for line in pathlib.Path(f"/proc/{status['pid']}/status").read_text().splitlines() if line.startswith("VmHWM"))
    packs = count(clients.mountpoint / "objects" / "pack", "*.pack")
    loose = count(clients.mountpoint / "refs")
    other = bench.fresh("probe")
    other.mkdir()
    mount = bench.run(PROGRAM, "mount", "-q", "-r", location, "--read-only", other).seconds
    bench.run(PROGRAM, "umount", "-q", other)
    copy = bench.fresh("clone")
    clone = bench.run("git", "clone", "-q", "--bare", clients.url, copy).seconds
    shutil.rmtree(copy)
    return {
        "pushes": pushed,
        "push_seconds": round(statistics.median(sample.seconds for sample in recent), 3),
        "push_cpu_seconds": round(statistics.median(sample.cpu for sample in recent), 3),
        "slowest_push_seconds": round(max(sample.seconds for sample in recent), 3),
        "stored_kib_a_push": round(grown / 1024, 1),
        "git_packs": packs, "loose_refs": loose,
        "restic_packs": count(location / "data"), "index_files": count(location / "index"),
        "snapshots": count(location / "snapshots"), "repository_mib": round(stored_bytes(location) / (1 << 20), 1),
        "mount_seconds": round(mount, 3), "clone_seconds": round(clone, 3), "mount_peak_mib": round(memory),
    }


def simulate(bench, options):
    location = bench.fresh("vault")
    # A key that costs nothing to check: scrypt takes as long at each push, and hides what grows.
    subprocess.run([PARTS, "repository", str(location)], check=True)
    settings = [] if options.housekeeping else [("resticMaintenance", "false")]
    clients = Clients(bench, location, options.clients, options.seed, settings)
    try:
        table = run(bench, clients, location, options)
    finally:
        clients.close()
    alone(bench, location, "check", "--read-data", "--no-cache")
    print("git fsck --strict and restic check --read-data found nothing wrong")
    return table


def alone(bench, location, *command):
    """A command of restic's that needs the repository for itself: tried again while a client keeps house after its push."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        words = ["restic", "-q", "-r", str(location), *(str(word) for word in command)]
        result = subprocess.run(words, env=bench.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if result.returncode == 0:
            return
        if b"locked" not in result.stderr:
            break
        time.sleep(0.2)
    sys.exit(f"{words} failed: {result.stderr.decode(errors='replace')}")


def report(options, table):
    """Writes the files that were asked for."""
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(table, indent=2) + "\n")
    if options.plot:
        beside = json.loads(pathlib.Path(options.beside).read_text()) if options.beside else None
        write_plot(pathlib.Path(options.plot), table, beside)


def compare(table):
    """The last row beside the 100th push, and beside what a push into a fresh repository stores."""
    rows = {row["pushes"]: row for row in table}
    last = table[-1]
    if 100 in rows and last["pushes"] > 100:
        for name, words in [("push_seconds", "seconds"), ("push_cpu_seconds", "CPU seconds")]:
            ratio = last[name] / rows[100][name]
            print(f"push {last['pushes']} takes {ratio:.2f} times the {words} of push 100")
    if FRESH in rows and last["pushes"] > FRESH:
        ratio = last["stored_kib_a_push"] / rows[FRESH]["stored_kib_a_push"]
        print(f"it stores {ratio:.2f} times what a push into a fresh repository stores")


def run(bench, clients, location, options):
    points = [n for n in POINTS if n < options.pushes] + [options.pushes]
    recent, table, removed = [], [], 0
    size, before = stored_bytes(location), 0
    print(f"{options.pushes} pushes, {options.clients} clients, seed {options.seed}")
    for number in range(1, options.pushes + 1):
        by_url, sample = clients.step()
        if by_url:
            recent = (recent + [sample])[-WINDOW:]
        if number in points:
            now = stored_bytes(location) + removed
            row = checkpoint(bench, clients, location, number, recent, (now - size) / (number - before))
            size, before = stored_bytes(location) + removed, number
            table.append(row)
            if len(table) == 1:
                print(" ".join(f"{name:>12.12}" for name in row))
            print(" ".join(f"{value:>12}" for value in row.values()), flush=True)
            report(options, table)
        if options.prune and number % options.prune == 0:
            left = stored_bytes(location)
            alone(bench, location, "forget", "--group-by", "", "--keep-last", options.keep)
            alone(bench, location, "prune")
            removed += left - stored_bytes(location)
    compare(table)
    bench.run("git", "--git-dir", clients.mountpoint, "fsck", "--strict", "--full", "--connectivity-only")
    return table


def main():
    parser = argparse.ArgumentParser(prog="scripts/years", add_help=False)
    parser.add_argument("--pushes", type=int, default=900)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=int, default=200)
    parser.add_argument("--prune", type=int, default=1000)
    parser.add_argument("--no-housekeeping", dest="housekeeping", action="store_false")
    parser.add_argument("--json")
    parser.add_argument("--plot")
    parser.add_argument("--beside", help="the JSON of another run, drawn beside this one")
    parser.add_argument("--dir")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="restic-gitfs-years-", dir=options.dir)
    start = time.monotonic()
    try:
        simulate(Bench(directory, 1), options)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
