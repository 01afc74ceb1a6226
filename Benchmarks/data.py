"""Bytes: storing, pushing, cloning and reading them."""

import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys

from harness import PROGRAM, added, drop_caches, memory_curve, plus

def source_repository(bench, path):
    """The repository to push: a mirror of `path`, or a generated one of 2,000 commits and about 90 MiB."""
    source = bench.directory / "source.git"
    if path:
        bench.run("git", "clone", "-q", "--mirror", path, source)
        return source
    bench.run("git", "init", "-q", "--bare", source)
    feed = subprocess.Popen(
        ["git", "--git-dir", str(source), "fast-import", "--quiet"], stdin=subprocess.PIPE, env=bench.environment)
    numbers = random.Random(1)
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


def random_file(bench, size):
    """A file of `size` MiB that nothing can compress."""
    path = bench.directory / "random"
    with open(path, "wb") as file:
        for _ in range(size):
            file.write(os.urandom(1 << 20))
    return path


def measure_store(bench, data, size):
    curve = []

    def ours():
        repository = bench.new_repository()
        curve.clear()
        with bench.mounted(repository) as (mountpoint, usage), memory_curve(usage.pid, curve):
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
    bench.note("resident MiB of restic-gitfs, four times a second", " ".join(str(mib) for mib in curve))


def plain_repository(bench):
    """An empty bare repository on the disk, set up as the one that a mount makes."""
    target = bench.fresh("plain.git")
    bench.run("git", "init", "-q", "--bare", target)
    bench.run("git", "--git-dir", target, "config", "receive.unpackLimit", "1")
    return target


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
        target = plain_repository(bench)
        sample = bench.run("git", "push", "-q", "--mirror", target, cwd=source)
        shutil.rmtree(target)
        return sample

    def plain_and_backup():
        target, repository = plain_repository(bench), bench.new_repository()
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
    # Pushed to both: git clone --mirror would pack the refs of the one, and the other would have a file for each.
    repository, target = bench.new_repository(), plain_repository(bench)
    bench.run("git", "push", "-q", "--mirror", target, cwd=source)
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

    # Each of the readers at a time has a part of the file to itself.
    script = """
        size=$(($(stat -c %s "$1") / 1048576)); part=$((size / $2))
        for n in $(seq 0 $(($2 - 1))); do
          dd if="$1" of=/dev/null bs=1M skip=$((n * part)) count=$part status=none & readers+=($!)
        done
        for reader in "${readers[@]}"; do wait "$reader" || exit; done"""

    def sides(readers, second=False):
        def side(mounted):
            drop_caches()
            with mounted as (root, usage):
                read = ["bash", "-c", script, "-", str(root) + str(data), readers]
                if second:
                    bench.run(*read)
                before = usage()
                return plus(bench.run(*read), usage(), before)

        return lambda: side(bench.mounted(repository, "--read-only")), lambda: side(bench.restic_mounted(repository))

    bench.compare("read a large file, cold", "restic mount", "<= 0.33", *sides(1))
    bench.compare("read a large file, again", "restic mount", "<= 0.1", *sides(1, second=True))
    for readers in [2, 4]:
        bench.compare(f"read a large file, {readers} readers, cold", "restic mount", "-", *sides(readers))


def measure_fio(bench):
    """fio's own bandwidth in MiB/s, restic-gitfs beside tmpfs: the cost of the file system on top of memory."""

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
