#!/usr/bin/env python3
"""libegret exports exactly the functions of egret.h, has no writable globals of its own, and needs no library but PCRE2 and the C library.

  test_symbols.py LIBRARY EGRET_H
"""
import re
import subprocess
import sys

ALLOWED = ("libpcre2-8", "libm", "libc", "ld-linux", "libgcc_s", "libasan", "libubsan", "libtsan", "libpthread", "libdl", "librt", "linux-vdso")
# What reaches outside: none of these may be called by the engine.
FORBIDDEN = {"exit", "_exit", "abort", "time", "gettimeofday", "clock_gettime", "rand", "random", "pthread_create", "printf", "puts",
             "putchar", "fputs", "socket", "getenv", "system", "signal"}


def lines(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def main():
    library, header = sys.argv[1:]
    with open(header, encoding="utf-8") as file:
        declared = set(re.findall(r"EGRET_API[^;(]*?\b(egret_\w+)\s*\(", file.read()))
    exported = {line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--defined-only", library)}
    exported = {name for name in exported if not name.startswith(("__", "_init", "_fini", "_edata", "_end", "_ITM"))}
    bad = []
    if exported != declared:
        bad.append(f"exported but not declared: {sorted(exported - declared)}; declared but not exported: {sorted(declared - exported)}")
    needed = [line.split("[")[1].rstrip("]") for line in lines("readelf", "-d", library) if "(NEEDED)" in line]
    strange = [name for name in needed if not name.startswith(ALLOWED) and "clang_rt" not in name]
    if strange:
        bad.append(f"needs {strange}")
    sanitized = any("asan" in name or "clang_rt" in name for name in needed)
    called = {line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--undefined-only", library)}
    if not sanitized and any(name.startswith("__asan") or name.startswith("__ubsan") for name in called):
        sanitized = True
    if called & FORBIDDEN:
        bad.append(f"calls {sorted(called & FORBIDDEN)}")
    if not sanitized:
        # Writable data: B, D and their local forms. Relocated constant tables stand in .data.rel.ro and are not among them.
        data = [line.split()[-1] for line in lines("nm", library) if len(line.split()) == 3 and line.split()[1] in "bBdD"]
        own = [name for name in data if not name.startswith(("__", "_", "completed", "frame_dummy"))]
        constant = set()
        sections = {line.split()[-1]: line for line in lines("objdump", "-t", library) if ".data.rel.ro" in line or ".rodata" in line}
        constant.update(sections)
        own = [name for name in own if name not in constant]
        if own:
            bad.append(f"writable globals {own}")
    for text in bad:
        print("failed:", text)
    print(f"{len(exported)} functions exported, needs {', '.join(needed)}")
    sys.exit(1 if bad else 0)


main()
