"""The table, and what is compared with what."""

# Raw ES256 signatures' worth of CPU that a request may cost.
TARGETS = {"client_credentials": 3.6, "exchange.uncached": 7.2, "exchange.cached": 4.2}
PEER_FACTOR = 3.0
START_MS, IDLE_RSS = 50, 24 << 20


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def head(conditions, seconds):
    print(f"bench: {conditions['cpu']}, {conditions['cores']} cores, Linux {conditions['kernel']}, governor {conditions['governor']}")
    print(f"bench: commit {conditions['commit']} ({conditions['buildtype']}), {conditions['openssl']}, load {conditions['load_average']:.2f}, {seconds} s a row")
    if conditions["load_average"] > conditions["cores"]:
        print("bench: others are working on this machine; the figures will be worse than it can do")


def line(row):
    print(f"bench: {row['subject']} {row['name']}: {number(row['requests_per_s'])}/s, {number(row['cpu_us_per_request'], 1)} µs CPU"
          f"{', FAILED' if row['failed'] else ''}", flush=True)


def table(rows, functions):
    print(f"\n{'':32}{'':>9}{'CPU':>8}{'signa-':>7}{'all':>7}{'':>9}{'':>9}{'RSS':>6}{'half load':>20}{'batch':>6}{'disk':>8}{'others':>8}")
    print(f"{'':32}{'per s':>9}{'µs':>8}{'tures':>7}{'busy':>7}{'p50 µs':>9}{'p99 µs':>9}{'MB':>6}{'p50 / p99 µs':>20}{'':>6}{'B/req':>8}{'cores':>8}")
    for row in rows:
        if row["name"] == "start":
            continue
        half = f"{number(row['half_load_p50_us'])} / {number(row['half_load_p99_us'])}" if "half_load_p50_us" in row else ""
        print(f"{row['subject'] + ' ' + row['name']:32.32}{number(row['requests_per_s']):>9}{number(row['cpu_us_per_request'], 1):>8}"
              f"{number(row['signatures_per_request'], 2):>7}{number(row.get('signatures_per_request_all_cores_busy'), 2):>7}{number(row['p50_us']):>9}{number(row['p99_us']):>9}{row['rss_bytes'] / 1e6:>6.0f}"
              f"{half:>20}{number(row['mean_batch'], 1):>6}{number(row['disk_bytes_per_request']):>8}{number(row['cores_used_by_others'], 2):>8}"
              f"{'  FAILED: ' + str(row['errors']) + ' errors' if row['failed'] else ''}")
    splits(rows)
    verdicts(rows)
    if functions:
        for row in rows:
            top_functions(row)


def splits(rows):
    print(f"\n{'CPU µs of a request':32}{'http':>9}{'crypto':>8}{'policy':>8}{'ledger':>8}{'rest':>8}  by")
    for row in rows:
        if "split_us" in row:
            us = row["split_us"]
            print(f"{row['name']:32}{number(us['http'], 1):>9}{number(us['crypto'], 1):>8}{number(us['policy'], 1):>8}{number(us['ledger'], 1):>8}"
                  f"{number(us['rest'], 1):>8}  {row['split_by']}")


def verdict(what, value, bound, unit, most=True):
    held = value <= bound if most else value >= bound
    print(f"  {'ok    ' if held else 'MISSED'} {what}: {number(value, 2)} {unit} (target {'at most' if most else 'at least'} {number(bound, 2)})")


def verdicts(rows):
    own = {row["name"]: row for row in rows if row["subject"] == "carnet"}
    peers = {row["name"]: row for row in rows if row["subject"] != "carnet"}
    print("\nTargets (raw ES256 signatures' worth of CPU, of the same minute)")
    for name, bound in TARGETS.items():
        if name in own:
            verdict(name, own[name]["signatures_per_request"], bound, "signatures")
            if "signatures_per_request_all_cores_busy" in own[name]:
                verdict("  the same in signatures made with every core busy, as in the row",
                        own[name]["signatures_per_request_all_cores_busy"], bound, "signatures")
    for name, row in own.items():
        other = peers.get(name.replace(".cached", ".uncached"))
        if other and name in TARGETS:
            mine, theirs = (r["cpu_us_per_request"] * r["raw_es256_sign_per_s"] for r in (row, other))
            verdict(f"{name} against oidc-provider, per CPU second", theirs / mine, PEER_FACTOR, "times", most=False)
    for name in TARGETS:
        if name in own and "half_load_p99_us" in own[name]:
            verdict(f"{name}, p99 at half load", own[name]["half_load_p99_us"], 2 * own[name]["fsync_p99_us"] + 2000, "µs")
    if "start" in own:
        verdict("start to first token", own["start"]["start_to_first_token_ms"], START_MS, "ms")
        verdict("idle RSS", own["start"]["rss_bytes"] / (1 << 20), IDLE_RSS / (1 << 20), "MiB")
    if peers:
        print("  oidc-provider keeps its state in memory: no policy, no durable audit")


def top_functions(row):
    if "functions_us" not in row:
        return
    print(f"\n{row['name']}: µs of a request with callees, and by the function alone")
    inside, alone = list(row["functions_us"].items()), list(row["self_us"].items())
    for i in range(60):
        left = f"{inside[i][1]:>8.1f} {inside[i][0][:56]:56}" if i < len(inside) else ""
        right = f"{alone[i][1]:>8.1f} {alone[i][0][:60]}" if i < len(alone) else ""
        print(f"{left:66}{right}")
