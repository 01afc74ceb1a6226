"""Repositories on servers, beside restic on the same server: what they cost, and what a slow network makes of them.

`distant` puts `ROUND_TRIP` seconds between a client and its server. The repositories of these rows have a key that costs
nothing to check: scrypt takes as long everywhere, and hides what is measured.
"""

import asyncio
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

from harness import PROGRAM, added, drop_caches, plus

STORAGES = ["rest", "s3", "sftp", "rclone"]
ROUND_TRIP = 0.05
RCLONE = pathlib.Path(__file__).parent.parent / ".build/test-tools/bin/rclone"
KEY, SECRET = "benchmark", "benchmark-secret"


class Distance:
    """A TCP proxy that holds each byte back for half a round trip, each way; on a thread that ends with the program."""

    def __init__(self, port, seconds):
        self.upstream, self.delay = port, seconds / 2
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.ready.wait()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    async def _accept(self, reader, writer):
        # A connection costs a round trip of its own.
        await asyncio.sleep(2 * self.delay)
        try:
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            return writer.close()
        await asyncio.gather(self._copy(reader, other_writer), self._copy(other_reader, writer))

    async def _copy(self, reader, writer):
        pieces = asyncio.Queue()

        async def deliver():
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0, due - self.loop.time()))
                if not piece:
                    return
                writer.write(piece)
                await writer.drain()

        delivery = asyncio.ensure_future(deliver())
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 18):
                pieces.put_nowait((self.loop.time() + self.delay, piece))
        pieces.put_nowait((self.loop.time() + self.delay, b""))
        with contextlib.suppress(OSError):
            await delivery
        with contextlib.suppress(OSError):
            writer.close()


class Server:
    """A server of kind `storage` for the folders in `directory`. `distance`: seconds a round trip."""

    def __init__(self, storage, directory, distance=0):
        self.storage, self.directory, self.distance = storage, directory, None
        directory.mkdir(parents=True, exist_ok=True)
        self.environment, self.process = {}, None
        if storage == "rclone":
            self.environment = {"RCLONE_CONFIG": "/dev/null", "PATH": f"{RCLONE.parent}:{os.environ['PATH']}"}
            return
        self.port = free_port()
        getattr(self, f"_start_{storage}")()
        wait_for(self.port)
        if distance:
            self.distance = Distance(self.port, distance)
            self.port = self.distance.port

    def _start(self, *command):
        environment = {**os.environ, "RCLONE_CONFIG": "/dev/null"}
        self.process = subprocess.Popen(
            [str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def _start_rest(self):
        self._start(RCLONE, "serve", "restic", "--addr", f"127.0.0.1:{self.port}", self.directory)

    def _start_s3(self):
        self._start(
            RCLONE, "serve", "s3", "--addr", f"127.0.0.1:{self.port}", "--auth-key", f"{KEY},{SECRET}", self.directory)
        self.environment = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def _start_sftp(self):
        """sshd with keys of its own, and an `ssh` in front of PATH that knows them."""
        place = self.directory.with_name(self.directory.name + "-ssh")
        place.mkdir(mode=0o700)
        for name in ["host", "client"]:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True)
        (place / "authorized").write_text((place / "client.pub").read_text())
        (place / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {place}/authorized\nStrictModes no\nPermitRootLogin yes\n"
            "Subsystem sftp internal-sftp\n")
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self._start("/usr/sbin/sshd", "-D", "-e", "-f", place / "sshd_config")
        program = place / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(
            f"#!/bin/sh\nexec /usr/bin/ssh -F none -i {place}/client -o IdentitiesOnly=yes -o BatchMode=yes "
            f'-o StrictHostKeyChecking=no -o UserKnownHostsFile={place}/known -o LogLevel=ERROR "$@"\n')
        program.chmod(0o755)
        self.environment = {"PATH": f"{program.parent}:{os.environ['PATH']}"}

    def location(self, name):
        """The location of the repository in the folder `name`."""
        return {
            "rest": lambda: f"rest:http://127.0.0.1:{self.port}/{name}/",
            "s3": lambda: f"s3:http://127.0.0.1:{self.port}/{name}",
            "sftp": lambda: f"sftp://127.0.0.1:{self.port}/{self.directory}/{name}",
            "rclone": lambda: f"rclone:{self.directory}/{name}",
        }[self.storage]()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port):
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


@contextlib.contextmanager
def serving(bench, storage, distance=0):
    server = Server(storage, bench.fresh(f"{storage}-served"), distance)
    kept = dict(bench.environment)
    for name, value in server.environment.items():
        # Programs of ours and git's helper are found as before.
        bench.environment[name] = f"{value}:{kept['PATH']}" if name == "PATH" else value
    try:
        yield server
    finally:
        bench.environment.clear()
        bench.environment.update(kept)
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


def measure_storage(bench, storage, random_file, size, source, parts):
    """The rows of one kind of storage: bytes, and the network's distance."""
    with serving(bench, storage) as server:
        measure_bytes(bench, storage, server, random_file, size)
    if storage != "rclone":
        with serving(bench, storage, ROUND_TRIP) as server:
            measure_distance(bench, storage, server, source, parts)


def measure_bytes(bench, storage, server, random_file, size):
    number = [0]

    def fresh():
        number[0] += 1
        location = server.location(f"vault{number[0]}")
        bench.run(PROGRAM, "init", "-q", "-r", location)
        return location

    def forget():
        shutil.rmtree(server.directory / f"vault{number[0]}")

    def ours():
        with bench.mounted(fresh()) as (mountpoint, usage):
            copied = bench.run("cp", random_file, mountpoint / "random")
            sample = plus(added(copied, bench.run(PROGRAM, "sync", "-q", mountpoint)), usage())
        forget()
        return sample

    def theirs():
        location = fresh()
        sample = bench.run("restic", "-r", location, "backup", "-q", "--no-cache", random_file)
        forget()
        return sample

    bench.compare(f"{storage}: store {size} MiB", "restic backup", "time <= 0.6, cpu <= 0.5", ours, theirs)

    location = fresh()
    bench.run("restic", "-r", location, "backup", "-q", random_file)

    def read(mounted):
        drop_caches()
        with mounted as (root, usage):
            before = usage()
            return plus(bench.run("dd", f"if={root}{random_file}", "of=/dev/null", "bs=1M"), usage(), before)

    bench.compare(
        f"{storage}: read {size} MiB, cold", "restic mount", "<= 0.5",
        lambda: read(bench.mounted(location, "--read-only")), lambda: read(bench.restic_mounted(location)))


def measure_distance(bench, storage, server, source, parts):
    """What one command takes at `ROUND_TRIP`, with a key that costs nothing to check."""

    def cheap(name):
        subprocess.run([parts, "repository", str(server.directory / name)], check=True)
        return server.location(name)

    # All before the first request: rclone remembers what is not there.
    ours, theirs, small = cheap("ours"), cheap("theirs"), cheap("small")
    work, plain = bench.fresh("work"), bench.fresh("plain.git")
    bench.run("git", "clone", "-q", source, work)
    bench.run("git", "clone", "-q", "--mirror", source, plain)
    url = f"restic::{ours}"
    bench.run("git", "push", "-q", "--mirror", url, cwd=source)
    bench.run("restic", "-r", theirs, "backup", "-q", plain)
    distance = f"{storage}, {ROUND_TRIP * 1000:.0f} ms"

    def commit():
        bench.number += 1
        (work / "one").write_text(str(bench.number))
        bench.run("git", "add", "one", cwd=work)
        bench.run("git", "commit", "-q", "-m", "one", cwd=work)

    def listed():
        return bench.run("restic", "-r", theirs, "snapshots", "-q")

    def backed_up():
        commit()
        bench.run("git", "push", "-q", plain, "HEAD:refs/heads/one", cwd=work)
        return bench.run("restic", "-r", theirs, "backup", "-q", plain)

    def mount():
        mountpoint = bench.fresh("mnt")
        mountpoint.mkdir()
        sample = bench.run(PROGRAM, "mount", "-q", "-r", ours, mountpoint)
        bench.run(PROGRAM, "umount", "-q", mountpoint)
        mountpoint.rmdir()
        return sample

    bench.compare(f"{distance}: mount", "restic snapshots", "<= 0.3 s", mount, listed)
    with bench.mounted(ours) as (mountpoint, usage):

        def sync():
            commit()
            bench.run("git", "push", "-q", mountpoint, "HEAD:refs/heads/one", cwd=work)
            return bench.run(PROGRAM, "sync", "-q", mountpoint)

        bench.compare(f"{distance}: sync of one commit", "restic backup", "<= 0.4 s", sync, backed_up)
    bench.compare(
        f"{distance}: ls-remote by URL", "restic snapshots", "<= 0.4 s",
        lambda: bench.run("git", "ls-remote", "-q", url), listed)

    def push():
        commit()
        return bench.run("git", "push", "-q", url, "HEAD:refs/heads/one", cwd=work)

    bench.compare(f"{distance}: push of one commit by URL", "restic backup", "<= 0.7 s", push, backed_up)
    small, restored = small_repository(bench, small), bench.fresh("restored")

    def clone():
        copy = bench.fresh("clone")
        sample = bench.run("git", "clone", "-q", "--bare", small, copy)
        shutil.rmtree(copy)
        return sample

    def restore():
        sample = bench.run("restic", "-r", small.removeprefix("restic::"), "restore", "-q", "latest", "--target", restored)
        shutil.rmtree(restored)
        return sample

    bench.compare(f"{distance}: clone of a small repository by URL", "restic restore", "<= 0.5 s", clone, restore)


def small_repository(bench, location):
    """The URL of a repository of ten commits at `location`."""
    work = bench.fresh("small")
    bench.run("git", "init", "-q", "-b", "main", work)
    for number in range(10):
        (work / f"file{number}").write_text(str(number))
        bench.run("git", "add", ".", cwd=work)
        bench.run("git", "commit", "-q", "-m", "c", cwd=work)
    bench.run("git", "push", "-q", f"restic::{location}", "main", cwd=work)
    return f"restic::{location}"
