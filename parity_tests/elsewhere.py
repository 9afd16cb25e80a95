"""The quick numeric tests once more, as narrower processors and other numbers of threads would run them.

``python parity_tests/elsewhere.py [AVX2|SSE4.2 ...]``: each library is told which instructions it may use, in
a process of its own, and asked whether it obeys. What holds under all sets does not hang on the one of this machine.

With ``--pairs 2000`` the judge looks there at random pairs of correct programs instead, each of the four with a share.
"""

import argparse
import os
import subprocess
import sys

SETS = {
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
    "SSE4.2": {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2",
    },
}
"""What ATen, oneMKL, oneDNN, OpenBLAS and XLA are told; a processor that has no more does nothing else."""
THREADS = ("1", "2")
ROOMS = ("truth", "judge", "explain", "ports", "machine", "optimizers", "solvers", "museum", "twins")
OBEYED = """
import numpy, torch, threadpoolctl
blas = {b["architecture"] for b in threadpoolctl.threadpool_info() if b["internal_api"] == "openblas"}
print(torch.backends.cpu.get_cpu_capability(), *blas)
"""


def obeyed(name: str, threads: str) -> dict[str, str]:
    """The environment of that set with so many threads; an empty one where a library does not obey."""
    environment = {**os.environ, **SETS[name], "OMP_NUM_THREADS": threads}
    seen = subprocess.run([sys.executable, "-c", OBEYED], env=environment, capture_output=True, text=True, check=True)
    wanted = {SETS[name]["ATEN_CPU_CAPABILITY"].upper(), SETS[name]["OPENBLAS_CORETYPE"]}
    print(f"{name}, OMP_NUM_THREADS={threads}: PyTorch and OpenBLAS say {seen.stdout.strip()}", flush=True)
    if set(seen.stdout.split()) == wanted:
        return environment
    print(f"  that is not {' '.join(sorted(wanted))}: a library does not obey, and the run would prove nothing")
    return {}


def main(arguments: list[str]) -> int:
    """Every set with every number of threads; 1 if a test failed or a pair was rejected anywhere, 2 for no set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="SET", help=f"{' or '.join(SETS)} (all)")
    parser.add_argument("--pairs", type=int, metavar="N", help="look at so many random pairs, and not at the tests")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - SETS.keys():
        parser.error(f"there is no set {', '.join(unknown)}; give {' or '.join(SETS)}")
    places = [(name, threads) for name in SETS for threads in THREADS]
    tests = ["pytest", "-q", "-r", "fE", "-m", "not slow or everywhere", "-n", "auto"]
    tests += [f"parity_tests/{room}" for room in ROOMS]
    passed = {}
    for k, (name, threads) in enumerate(places):
        if options.names and name not in options.names:
            continue
        command = tests
        if options.pairs:
            share = options.pairs // len(places)
            command = ["logreg_parity", "museum", "--pairs", str(share), "--first", str(k * share)]
        environment = obeyed(name, threads)
        done = environment and subprocess.run([sys.executable, "-m", *command], env=environment)
        passed[name, threads] = bool(done) and done.returncode == 0
    for (name, threads), well in passed.items():
        print(f"{name}, {threads} thread{'' if threads == '1' else 's'}: {'passed' if well else 'FAILED'}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
