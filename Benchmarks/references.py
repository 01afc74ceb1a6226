"""Many loose refs, each of which git reads by itself, several times a push."""

import shutil

COUNT = 20_000


def make_repository(bench):
    """A bare repository of one commit with COUNT loose refs, and a work tree that pushes to it."""
    work, bare = bench.fresh("refs-work"), bench.fresh("refs.git")
    bench.run("git", "init", "-q", "-b", "main", work)
    bench.run("git", "-C", work, "commit", "-q", "--allow-empty", "-m", "first")
    bench.run("git", "clone", "-q", "--bare", work, bare)
    bench.run("git", "-C", bare, "config", "gc.auto", "0")
    commit = (work / ".git" / "refs" / "heads" / "main").read_text()
    heads = bare / "refs" / "heads"
    for number in range(COUNT):
        (heads / f"branch-{number:05d}").write_text(commit)
    return work, bare


def measure_references(bench):
    work, bare = make_repository(bench)
    repository = bench.new_repository()
    with bench.mounted(repository, "--no-git-init") as (mountpoint, _):
        bench.run("cp", "-r", f"{bare}/.", mountpoint)
        # As in a repository that a mount has made.
        bench.run("git", "-C", mountpoint, "config", "core.alternateRefsPrefixes", "refs/alternates")

    def push(target):
        bench.run("git", "-C", work, "commit", "-q", "--allow-empty", "-m", "next")
        return bench.run("git", "-C", work, "push", "-q", target, "main")

    def clone(source, *options):
        target = bench.fresh("refs-clone")
        sample = bench.run("git", "clone", "-q", "--bare", *options, source, target)
        shutil.rmtree(target)
        return sample

    with bench.mounted(repository) as (mountpoint, _):
        bench.compare(
            f"push of one commit at {COUNT} loose refs", "git push", "≤ 2",
            lambda: push(mountpoint), lambda: push(bare))
        bench.compare(
            f"clone at {COUNT} loose refs, writable mount", "git clone of a plain directory", "≤ 1.5",
            lambda: clone(mountpoint), lambda: clone(bare))
    with bench.mounted(repository, "--read-only") as (mountpoint, _):
        bench.compare(
            f"clone at {COUNT} loose refs, read-only mount", "git clone of a plain directory", "≤ 1.5",
            lambda: clone(mountpoint), lambda: clone(bare))
        bench.compare(
            f"fetch of everything at {COUNT} loose refs, read-only", "git clone --no-local", "≤ 1.5",
            lambda: clone(mountpoint, "--no-local"), lambda: clone(bare, "--no-local"))
