"""Where a request's CPU goes: http, crypto, policy, ledger, rest. By `perf`, whose samples are read from the leaf outwards:
the first frame that names one of them has it. Where perf is not usable: what can be said by threads and raw costs."""

import collections
import os
import re
import shutil
import subprocess
import tempfile
import time

PARTS = ("http", "crypto", "policy", "ledger", "rest")

# (part, pattern of the symbol, pattern of the library); None: says nothing.
FRAMES = [
    ("rest", r"^(arena_|sodium_memzero|json_|buf_)", None),
    ("policy", r"(cedar|^policy_|_ZN|^_R[NIC])", None),
    ("crypto", r"^(jws_|jwt_|jwk|sigcache_|hash_|keeper_|answer_sign|answer_verify|verify_by|digest_|b64url_|seal_|id_make|token_hash|secret_check|real_random)", r"libcrypto|libsodium"),
    ("ledger", r"^(ledger_|sqlite|batcher_|events_|event_hash|writer_|commit_done|answer_commit|real_world_read|counts_|item_|loop_post)", r"libsqlite3"),
    ("rest", r"^(request_start|need_answered|engine_run)", None),
    ("http", r"^(http_|connection_|listener_|fill_|uv_|uv__|llhttp|server_|form_|header_|percent_|exchange_|answer_|host_|parse_|on_|loop_)", r"libuv|libllhttp"),
]
PATTERNS = [(part, re.compile(symbol), re.compile(library) if library else None) for part, symbol, library in FRAMES]
FRAME = re.compile(r"^\s*[0-9a-f]+ (.*?)(?:\+0x[0-9a-f]+)? \(([^()]*)\)$")


def usable():
    if not shutil.which("perf"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["perf", "record", "-q", "-e", "cpu-clock", "-o", f"{folder}/data", "--", "true"]
        return subprocess.run(command, capture_output=True).returncode == 0


class Samples:
    """Attached to a process while something loads it."""

    def __init__(self, pid, hertz=499):
        self.file = tempfile.NamedTemporaryFile(prefix="perf-", dir=os.environ.get("TMPDIR"))
        command = ["perf", "record", "-q", "-e", "cpu-clock:u" if os.getuid() else "cpu-clock", "-F", str(hertz), "--call-graph", "dwarf,16384",
                   "-p", str(pid), "-o", self.file.name]
        self.child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def stacks(self):
        """One list of (symbol, library) a sample, the leaf first."""
        self.child.send_signal(2)
        self.child.wait()
        command = ["perf", "script", "-i", self.file.name, "-F", "ip,sym,dso", "--no-inline"]
        text = subprocess.run(command, capture_output=True, text=True, errors="replace").stdout
        found, stack = [], []
        for line in text.splitlines() + [""]:
            frame = FRAME.match(line)
            if frame:
                stack.append((frame.group(1), frame.group(2)))
            elif stack:
                found.append(stack)
                stack = []
        self.file.close()
        return found


def part_of(stack):
    for symbol, library in stack:
        for part, pattern, libraries in PATTERNS:
            if pattern.search(symbol) or (libraries and libraries.search(library)):
                return part
    return "rest"


def shares(stacks):
    counted = collections.Counter(part_of(stack) for stack in stacks)
    total = sum(counted.values()) or 1
    return {part: counted[part] / total for part in PARTS}


def by_perf(pid, cpu_us, load):
    """Splits `cpu_us` by samples taken while `load` runs; with the functions that had most, themselves and with callees."""
    samples = Samples(pid)
    load()
    stacks = samples.stacks()
    if len(stacks) < 100:
        return None
    total, inside, self_ = len(stacks), collections.Counter(), collections.Counter()
    for stack in stacks:
        self_[f"{stack[0][0]} ({os.path.basename(stack[0][1])})"] += 1
        for name in {symbol for symbol, _ in stack}:
            inside[name] += 1
    us = {name: round(n * cpu_us / total, 2) for name, n in inside.most_common(400)}
    return {"split_us": {part: round(share * cpu_us, 1) for part, share in shares(stacks).items()},
            "split_by": f"perf, {total} samples", "functions_us": us,
            "self_us": {name: round(n * cpu_us / total, 2) for name, n in self_.most_common(60)}}


def by_costs(row, raw, name):
    """Without perf: the writer's thread is the ledger's, raw signatures are crypto; the rest is not parted."""
    crypto = 1e6 / raw["rs256_sign" if name.endswith(".rs256") else "es256_sign"]
    if "uncached" in name:
        crypto += 1e6 / raw["rs256_verify" if name.endswith(".rs256") else "es256_verify"]
    if name == "private_key_jwt":
        crypto += 1e6 / raw["es256_verify"]
    threads = sorted(row["threads_us"].values(), reverse=True)
    ledger = threads[1] if len(threads) > 1 else 0.0
    rest = max(0.0, row["cpu_us_per_request"] - crypto - ledger)
    return {"split_us": {"http": None, "crypto": round(crypto, 1), "policy": None, "ledger": ledger, "rest": round(rest, 1)},
            "split_by": "threads and raw signature costs; rest includes http, policy and ledger reads (perf is not usable here)"}
