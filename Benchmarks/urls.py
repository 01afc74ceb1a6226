"""git-remote-restic beside git's own file transport, and beside the Go git-remote-restic where that is given."""

import shutil
import time

from harness import PROGRAM


def measure_urls(bench, source):
    target, repository = bench.fresh("plain.git"), bench.new_repository()
    bench.run("git", "clone", "-q", "--mirror", source, target)
    bench.run("git", "--git-dir", target, "config", "receive.unpackLimit", "1")
    url, plain = f"restic::{repository}", f"file://{target}"
    bench.run("git", "push", "-q", "--mirror", url, cwd=source)
    ours, theirs = bench.fresh("ours"), bench.fresh("theirs")
    bench.run("git", "clone", "-q", url, ours)
    bench.run("git", "clone", "-q", plain, theirs)

    # What any command by URL takes at least: the password's key.
    opened = sorted(bench.run(PROGRAM, "snapshots", "-q", "-r", repository).seconds for _ in range(bench.runs))
    bench.note("opening the repository, mostly scrypt", f"{opened[len(opened) // 2]:.3f} s")

    def compare(name, goal, *command):
        bench.compare(
            name, "git over file://", goal, lambda: bench.run("git", *command, cwd=ours),
            lambda: bench.run("git", *command, cwd=theirs))

    compare("git ls-remote by URL", "-", "ls-remote", "-q", "origin")
    compare("git fetch by URL, nothing new", "scrypt + 0.15 s", "fetch", "-q", "origin")

    def push(work):
        def measure():
            bench.number += 1
            (work / "one").write_text(str(bench.number))
            bench.run("git", "add", "one", cwd=work)
            bench.run("git", "commit", "-q", "-m", "one", cwd=work)
            return bench.run("git", "push", "-q", "origin", "HEAD:refs/heads/one", cwd=work)

        return measure

    bench.compare("git push of one commit by URL", "git over file://", "<= 0.42 s", push(ours), push(theirs))

    def clone(location):
        def measure():
            copy = bench.fresh("clone")
            sample = bench.run("git", "clone", "-q", "--bare", location, copy)
            shutil.rmtree(copy)
            return sample

        return measure

    bench.compare("git clone by URL", "git over file://", "<= 1.2 s (libfuse)", clone(url), clone(plain))


def measure_busy_branch(bench):
    """Clients that pull and push one branch at once, until everybody's commit is accepted."""
    clients = 8

    def round_of(url, keep_alive):
        folder = bench.fresh("busy")
        seed = folder / "seed"
        bench.run("git", "init", "-q", "-b", "main", seed)
        bench.run("git", "-C", seed, "commit", "-q", "--allow-empty", "-m", "begin")
        bench.run("git", "-C", seed, "push", "-q", "-f", url, "main")
        for number in range(clients):
            work = folder / f"w{number}"
            bench.run("git", "clone", "-q", url, work)
            bench.run("git", "-C", work, "config", "pull.rebase", "true")
            if keep_alive:
                bench.run("git", "-C", work, "config", "remote.origin.resticKeepAlive", "1m")
            (work / f"f{number}").write_text("x")
            bench.run("git", "-C", work, "add", ".")
            bench.run("git", "-C", work, "commit", "-q", "-m", str(number))
        work = 'cd "$0"; until git pull -q 2>>log && git push -q origin HEAD:main 2>>log; do echo >>tries; done'
        return bench.run(
            "bash", "-c", f'for w in "$0"/w*; do bash -c \'{work}\' "$w" & done; wait', folder)

    plain = bench.fresh("plain-busy.git")
    bench.run("git", "init", "-q", "--bare", "-b", "main", plain)
    repository = bench.new_repository()
    peer = "git over file://"
    for name, keep_alive in [("by URL", False), ("kept open", True)]:
        bench.compare(
            f"{clients} clients push to one branch, {name}", peer, "-", lambda: round_of(f"restic::{repository}", keep_alive),
            lambda: round_of(f"file://{plain}", False))
    # Without their files the processes that were kept end, and take their mounts with them.
    folder = bench.directory / "state" / "restic-gitfs" / "remote"
    for path in folder.glob("kept-*"):
        path.unlink()
    while any(folder.glob("remote-*")):
        time.sleep(0.1)
