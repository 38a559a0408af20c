"""Runs wrk against a token endpoint and takes what the server spent meanwhile."""

import json
import pathlib
import resource
import subprocess
import time

from machine import busy_us

HERE = pathlib.Path(__file__).resolve().parent
CONNECTIONS = 64


class Failed(Exception):
    """The bench cannot go on."""


def wrk(url, bodies, seconds, authorization="-", tokens="-", think_ms=0, connections=CONNECTIONS):
    """One run; `bodies` is a file with one form a line."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(HERE / "post.lua"), url, "--",
               str(bodies), authorization, str(tokens), str(think_ms)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
    for line in done.stdout.splitlines():
        if line.startswith("BENCH "):
            return json.loads(line[6:])
    raise Failed(f"wrk ended with {done.returncode}: {(done.stdout + done.stderr)[-400:]}")


def generators_us():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6


def measure(server, url, bodies, seconds, authorization="-", connections=CONNECTIONS):
    """One run at full load, with the server's CPU, memory and disk."""
    process = server.process()
    before, written, size = process.threads_us(), process.written(), server.ledger_bytes()
    counters = server.counters()
    began, busy, generators = time.monotonic(), busy_us(), generators_us()
    run = wrk(url, bodies, seconds, authorization, connections=connections)
    took, busy, generators = time.monotonic() - began, busy_us() - busy, generators_us() - generators
    n = max(run["requests"], 1)
    threads = {key: us - before.get(key, 0) for key, us in process.threads_us().items()}
    row = {
        "requests_per_s": round(run["requests"] / (run["duration_us"] / 1e6), 1),
        "cpu_us_per_request": round(sum(threads.values()) / n, 1),
        "p50_us": run["p50"], "p99_us": run["p99"], "rss_bytes": process.rss(), "requests": run["requests"],
        "errors": run["status"] + run["broken"], "sent": run["sent"], "cores_used": round(sum(threads.values()) / 1e6 / took, 2),
        "cores_used_by_others": round(max(0.0, busy - generators - sum(threads.values())) / 1e6 / took, 2),
        "threads_us": {f"{name}/{tid}": round(us / n, 1) for (tid, name), us in sorted(threads.items()) if us / n >= 0.05},
        "disk_bytes_per_request": round((process.written() - written) / n), "ledger_bytes_per_request": round((server.ledger_bytes() - size) / n),
    }
    after = server.counters()
    batches = after.get("carnet_ledger_batches_total", 0) - counters.get("carnet_ledger_batches_total", 0)
    commits = after.get("carnet_ledger_commits_total", 0) - counters.get("carnet_ledger_commits_total", 0)
    row["mean_batch"] = round(commits / batches, 2) if batches else None
    return row


def half_load(url, bodies, seconds, authorization, rate):
    """The same with pauses, at half of `rate`: {rate, p50, p99}."""
    think = round(CONNECTIONS * 1000 / (rate / 2))
    run = wrk(url, bodies, seconds, authorization, think_ms=think)
    return {"half_load_requests_per_s": round(run["requests"] / (run["duration_us"] / 1e6), 1),
            "half_load_p50_us": run["p50"], "half_load_p99_us": run["p99"], "half_load_errors": run["status"] + run["broken"]}
