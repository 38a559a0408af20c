"""What the figures were taken on, and what the machine gives at that moment: raw signatures, fsync."""

import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")


def first_line(path, pattern="(.*)"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
        return found.group(1).strip() if found else ""
    except OSError:
        return ""


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def conditions(build):
    """One dictionary that every row carries."""
    commit = said("git", "rev-parse", "--short=12", "HEAD")
    if said("git", "status", "--porcelain", "--untracked-files=no"):
        commit += "+changes"
    options = said("meson", "introspect", "--buildoptions", str(build))
    buildtype = re.search(r'"name": ?"buildtype", ?"value": ?"(\w+)"', options)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"),
        "commit": commit, "buildtype": buildtype.group(1) if buildtype else "unknown",
        "cpu": first_line("/proc/cpuinfo", r"^model name\s*: (.*)$"), "cores": os.cpu_count(),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "none (virtual machine)",
        "kernel": platform.release(), "openssl": said("openssl", "version"), "load_average": os.getloadavg()[0],
        "generator": "wrk on the same cores, loopback, no TLS",
    }


SIGN = r"\(nistp256\)\s+[\d.]+s\s+[\d.]+s\s+([\d.]+)\s+([\d.]+)"


def raw_rates(seconds):
    """Signatures and verifications a CPU second, by OpenSSL itself: alone, and with every core busy, as they are in a row
    (cores that share a physical one slow each other down)."""
    text = said("openssl", "speed", "-seconds", str(seconds), "ecdsap256", "rsa2048")
    ec = re.search(SIGN, text)
    rsa = re.search(r"rsa\s+2048 bits\s+[\d.]+s\s+[\d.]+s\s+([\d.]+)\s+([\d.]+)", text)
    if not ec or not rsa:
        raise SystemExit("bench: `openssl speed` gave no figures")
    together = [subprocess.Popen(["openssl", "speed", "-seconds", str(seconds), "ecdsap256"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
                for _ in range(os.cpu_count())]
    busy = [float(re.search(SIGN, child.communicate()[0]).group(1)) for child in together]
    return {"es256_sign": float(ec.group(1)), "es256_verify": float(ec.group(2)), "rs256_sign": float(rsa.group(1)),
            "rs256_verify": float(rsa.group(2)), "es256_sign_all_cores_busy": round(sum(busy) / len(busy), 1)}


def fsync_us(folder, times):
    """p50 and p99 of appending 4 kB and syncing it, beside the ledger."""
    path = folder / "fsync"
    took = []
    with open(path, "wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    path.unlink()
    took.sort()
    return took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]


def busy_us():
    """CPU µs that all cores together have worked, kernel and interrupts included."""
    user, nice, system, _, _, irq, softirq, *_ = (int(n) for n in first_line("/proc/stat", r"^cpu +(.*)$").split())
    return (user + nice + system + irq + softirq) * 1e6 / TICK


class Process:
    """What /proc says of one process."""

    def __init__(self, pid):
        self.root = pathlib.Path(f"/proc/{pid}")

    def threads_us(self):
        """CPU µs of every thread that lives: {(tid, name): µs}."""
        found = {}
        for task in (self.root / "task").iterdir():
            try:
                text = (task / "stat").read_text()
                exact = (task / "schedstat").read_text().split()[0] if (task / "schedstat").exists() else ""
            except OSError:
                continue
            name, rest = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2:].split()
            found[(int(task.name), name)] = int(exact) / 1e3 if exact else (int(rest[11]) + int(rest[12])) * 1e6 / TICK
        return found

    def rss(self):
        return int(first_line(self.root / "status", r"^VmRSS:\s+(\d+)")) * 1024

    def written(self):
        """Bytes that went to the disk's page cache."""
        return int(first_line(self.root / "io", r"^write_bytes: (\d+)") or 0)


def install(package, program):
    """A Debian package, when its program is not there and we may."""
    if shutil.which(program):
        return True
    if not shutil.which("apt-get"):
        return False
    sudo = [] if os.getuid() == 0 else ["sudo", "-n"]
    print(f"bench: installing the Debian package {package}", flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]):
        try:
            subprocess.run([*sudo, *command], capture_output=True, env=env, check=False)
        except OSError:
            return False
    return shutil.which(program) is not None
