"""Many files, and what must not grow with them."""

import json
import os
import shutil
import subprocess

from harness import PROGRAM, added, drop_caches, plus

FILES = 100_000
ENTRIES = 20_000


def make_tree(bench):
    """A tar file of FILES small files in 256 directories, as loose objects lie, and one directory of ENTRIES."""
    tree = bench.directory / "tree"
    for number in range(FILES):
        folder = tree / "objects" / f"{number % 256:02x}"
        if number < 256:
            folder.mkdir(parents=True)
        (folder / f"{number:038x}").write_bytes(f"object {number}\n".encode() * 8)
    (tree / "flat").mkdir()
    for number in range(ENTRIES):
        (tree / "flat" / f"entry-{number}").write_bytes(b"x")
    archive = bench.directory / "tree.tar"
    bench.run("tar", "-cf", archive, "-C", tree, ".")
    shutil.rmtree(tree)
    return archive


def measure_trees(bench):
    archive = make_tree(bench)
    kept = []

    def ours():
        repository = bench.new_repository()
        with bench.mounted(repository, "--no-git-init") as (mountpoint, usage):
            before = usage.resident()
            unpacked = bench.run("tar", "-xf", archive, "-C", mountpoint)
            sample = plus(added(unpacked, bench.run(PROGRAM, "sync", "-q", mountpoint)), usage())
            kept.append((repository, (usage.resident() - before) * (1 << 20) / (FILES + ENTRIES)))
        return sample

    def theirs():
        repository, target = bench.new_repository(), bench.fresh("files")
        target.mkdir()
        unpacked = bench.run("tar", "-xf", archive, "-C", target)
        sample = added(unpacked, bench.run("restic", "-r", repository, "backup", "-q", target))
        shutil.rmtree(target)
        shutil.rmtree(repository)
        return sample

    bench.compare(f"store {FILES + ENTRIES} small files", "tar x + restic backup", "-", ours, theirs)
    bench.note("resident bytes a file after that", round(kept[-1][1]))
    repository = kept[-1][0]

    def listing(path):
        return bench.run("ls", "-l", path)

    def finding(path):
        return bench.run("find", path, "-type", "f", "-size", "+0")

    def side(mount, what):
        def measure():
            drop_caches()
            with mount(repository) as (root, usage):
                before = usage()
                return plus(what(root), usage(), before)

        return measure

    def ours_mount(repository):
        return bench.mounted(repository, "--read-only")

    for name, what in [
        (f"ls -l of {ENTRIES} entries, cold", lambda root: listing(root / "flat")),
        (f"find over {FILES + ENTRIES} files, cold", lambda root: finding(f"{root}/.")),
    ]:
        bench.compare(name, "restic mount", "-", side(ours_mount, what), side(bench.restic_mounted, what))

    changes = bench.fresh("files")
    changes.mkdir()
    bench.run("tar", "-xf", archive, "-C", changes)
    backup = bench.new_repository()
    bench.run("restic", "-r", backup, "backup", "-q", changes)
    with bench.mounted(repository, "--no-git-init") as (mountpoint, usage):

        def ours_change():
            bench.number += 1
            before = usage()
            written = bench.run("sh", "-c", f"echo {bench.number} > {mountpoint}/objects/07/one")
            return plus(added(written, bench.run(PROGRAM, "sync", "-q", mountpoint)), usage(), before)

        def theirs_change():
            bench.number += 1
            written = bench.run("sh", "-c", f"echo {bench.number} > {changes}/objects/07/one")
            return added(written, bench.run("restic", "-r", backup, "backup", "-q", changes))

        bench.compare("change one of them + sync", "restic backup", "-", ours_change, theirs_change)
    for path in [changes, repository, backup]:
        shutil.rmtree(path)


def measure_index(bench, parts):
    directory = bench.fresh("index")
    result = subprocess.run([parts, "index", str(directory)], capture_output=True, text=True, check=True)
    shutil.rmtree(directory)
    figures = json.loads(result.stdout)
    for name, value in figures.items():
        bench.note(name, round(value, 3))
    return figures


def measure_snapshots(bench, parts):
    directory = bench.fresh("snapshots")
    result = subprocess.run([parts, "snapshots", str(directory)], capture_output=True, text=True, check=True)
    shutil.rmtree(directory)
    figures = json.loads(result.stdout)
    for name, value in figures.items():
        bench.note(name, round(value, 3))
    return figures


def history(bench, commits):
    """A bare repository of `commits` commits, three objects each, and a clone to push from."""
    source = bench.fresh("history.git")
    bench.run("git", "init", "-q", "--bare", source)
    feed = subprocess.Popen(
        ["git", "--git-dir", str(source), "fast-import", "--quiet"], stdin=subprocess.PIPE, env=bench.environment)
    for number in range(commits):
        text = f"{number}\n"
        feed.stdin.write(
            f"commit refs/heads/main\ncommitter b <b@example.org> {1_600_000_000 + number} +0000\ndata 2\nc\n"
            f"M 100644 inline f{number % 50}\ndata {len(text)}\n{text}\n".encode())
    feed.stdin.close()
    feed.wait()
    bench.run("git", "--git-dir", source, "symbolic-ref", "HEAD", "refs/heads/main")
    work = bench.fresh("history")
    bench.run("git", "clone", "-q", source, work)
    return source, work


def measure_growth(bench):
    """A commit costs what changed, not what exists."""
    small, large = history(bench, 333), history(bench, 66_666)

    def side(source, work, mountpoint, usage):
        bench.run("git", "push", "-q", "--mirror", mountpoint, cwd=source)
        bench.run(PROGRAM, "sync", "-q", mountpoint)

        def measure():
            bench.number += 1
            (work / "one").write_text(str(bench.number))
            bench.run("git", "add", "one", cwd=work)
            bench.run("git", "commit", "-q", "-m", "one", cwd=work)
            before = usage()
            pushed = bench.run("git", "push", "-q", mountpoint, "HEAD:refs/heads/one", cwd=work)
            return plus(added(pushed, bench.run(PROGRAM, "sync", "-q", mountpoint)), usage(), before)

        return measure

    repositories = bench.new_repository(), bench.new_repository()
    with bench.mounted(repositories[0]) as first, bench.mounted(repositories[1]) as second:
        bench.compare(
            "push one commit + sync, 200,000 objects", "the same with 1,000 objects", "about 1", side(*large, *second),
            side(*small, *first))
