"""Measures restic-gitfs beside its peers: see scripts/bench --help."""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tempfile

import data
import references
import storage
import trees
import urls
from harness import Bench

PARTS = os.environ["BENCHMARK_PARTS"]
GROUPS = "parts,index,store,push,commit,growth,clone,references,trees,url,busy,read,fio"


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", add_help=False)
    parser.add_argument("--repo")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=GROUPS)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--storage", choices=storage.STORAGES)
    parser.add_argument("--json")
    parser.add_argument("--dir")
    options = parser.parse_args()
    groups = {"storage"} if options.storage else set(options.only.split(","))
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
        print(f"{'':<44} {'restic-gitfs':>12} {'peer':>8}")
        if "index" in groups:
            result["index"] = trees.measure_index(bench, PARTS)
            result["snapshots"] = trees.measure_snapshots(bench, PARTS)
        random_file = data.random_file(bench, options.size) if groups & {"store", "read", "storage"} else None
        if "store" in groups:
            data.measure_store(bench, random_file, options.size)
        if groups & {"push", "commit", "clone", "url", "storage"}:
            source = data.source_repository(bench, options.repo)
            for group, measure in [
                ("push", data.measure_push), ("commit", data.measure_commit), ("clone", data.measure_clone),
                ("url", urls.measure_urls),
            ]:
                if group in groups:
                    measure(bench, source)
        if "busy" in groups:
            urls.measure_busy_branch(bench)
        if options.storage:
            storage.measure_storage(bench, options.storage, random_file, options.size, source, PARTS)
        if "growth" in groups:
            trees.measure_growth(bench)
        if "references" in groups:
            references.measure_references(bench)
        if "trees" in groups:
            trees.measure_trees(bench)
        if "read" in groups:
            data.measure_read(bench, random_file)
        result["notes"] = bench.notes
        result["rows"] = [row.as_json() for row in bench.rows]
        if "fio" in groups:
            result["fio"] = data.measure_fio(bench)
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


main()
