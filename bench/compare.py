"""Runs qif and its peers in turn and prints how they compare.

    go build -o qif ./cmd/qif
    python -m venv venv && venv/bin/pip install -r bench/peer/requirements.txt
    python bench/compare.py --qif ./qif --python venv/bin/python

Machines differ, and the same machine from hour to hour; what holds is a ratio of
two speeds measured side by side. So every round runs each program once, one
after the other, and the ratios are medians over rounds. The table gives speeds
and ratios to SpikingJelly's (or to the first program's, without it); --json
writes all measurements.

This script needs Python alone; the peers need what their requirements name.
Compiled ones begin with up to a minute of compilation.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "peer", "peer.py")
BASE = "spikingjelly"

# The programs by name: flags of qif bench step, or of peer.py.
QIF = {
    "qif": [],
    "qif-mixed": ["--precision", "mixed"],
}
PEERS = {
    BASE: ["--neuron", "spikingjelly"],
    "torch-fused": ["--neuron", "fused"],
    "torch-best": ["--neuron", "fused", "--precision", "bf16", "--channels-last", "--compile"],
}
BATCHES = {"small": 64, "resnet19": 16, "resnet19-128": 16}


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--qif", default="qif", help="the program to measure")
    p.add_argument("--python", default=sys.executable, help="a Python that has what peer/requirements.txt names")
    p.add_argument("--nets", default="small,resnet19-128", help="of " + ", ".join(BATCHES))
    p.add_argument("--modes", default="train,infer")
    p.add_argument("--programs", default="qif,spikingjelly,torch-best", help="of " + ", ".join([*QIF, *PEERS]))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--repeat", type=int, default=5, help="steps that count in each run")
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--batch", type=int, help="default: 64, for resnet19 16")
    p.add_argument("--steps", type=int, default=4, help="time steps T")
    p.add_argument("--json", metavar="FILE", help="write all measurements there, - for standard output")
    a = p.parse_args()
    for name, known in (("nets", BATCHES), ("modes", ("train", "infer")), ("programs", {**QIF, **PEERS})):
        values = getattr(a, name).split(",")
        for v in values:
            if v not in known:
                p.error(f"--{name}: {v!r} is none of {', '.join(known)}")
        setattr(a, name, values)
    if min(a.rounds, a.repeat, a.steps, a.threads) < 1 or a.warmup < 0:
        p.error("--rounds, --repeat, --steps and --threads must be at least 1, --warmup at least 0")
    return a


def command(a, program, net, mode):
    common = [
        "--net", net, "--mode", mode, "--batch", str(a.batch or BATCHES[net]), "--steps", str(a.steps),
        "--threads", str(a.threads), "--repeat", str(a.repeat), "--warmup", str(a.warmup),
    ]
    if program in QIF:  # with the neurons of the peers
        neuron = ["--neuron", "lif", "--leak", "0.5"]
        return [a.qif, "bench", "step", "--json", "--quiet", *common, *neuron, *QIF[program]]
    return [a.python, PEER, *common, *PEERS[program]]


def measure(a, program, net, mode):
    """One run's JSON object."""
    cmd = command(a, program, net, mode)
    try:
        done = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as e:
        sys.exit(f"{cmd[0]}: {e.strerror}; give its path with --qif or --python")
    if done.returncode != 0:
        sys.exit(f"{' '.join(cmd)}: exit status {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def summarize(runs, base):
    """Medians over rounds of one program's runs and of their ratios to the base's."""
    def ratio(key):
        return statistics.median(r[key] / b[key] for r, b in zip(runs, base))

    return {
        "samples_per_second": statistics.median(r["samples_per_second"] for r in runs),
        "peak_rss_bytes": statistics.median(r["peak_rss_bytes"] for r in runs),
        "speed_ratio": ratio("samples_per_second"), "memory_ratio": ratio("peak_rss_bytes"),
        "runs": runs,
    }


def compare(a, net, mode):
    """All rounds of one network and mode: a list of rows."""
    runs = {program: [] for program in a.programs}
    for k in range(a.rounds):
        for program in a.programs:
            print(f"round {k + 1} of {a.rounds}: {net} {mode}, {program}", file=sys.stderr)
            runs[program].append(measure(a, program, net, mode))
    base = BASE if BASE in runs else a.programs[0]
    return [
        {"net": net, "mode": mode, "program": program, "base": base, **summarize(runs[program], runs[base])}
        for program in a.programs
    ]


def table(rows, file):
    print(f"{'net':14}{'mode':7}{'program':14}{'samples/s':>11}{'ratio':>8}{'MiB':>8}{'ratio':>8}", file=file)
    for r in rows:
        print(
            f"{r['net']:14}{r['mode']:7}{r['program']:14}{r['samples_per_second']:11.2f}{r['speed_ratio']:8.2f}"
            f"{r['peak_rss_bytes'] / 2**20:8.0f}{r['memory_ratio']:8.2f}", file=file,
        )
    print(f"ratios to {rows[0]['base']}: medians over {len(rows[0]['runs'])} rounds", file=file)


def main():
    a = arguments()
    rows = []
    for net in a.nets:
        for mode in a.modes:
            rows += compare(a, net, mode)
    table(rows, sys.stderr if a.json == "-" else sys.stdout)
    if a.json == "-":
        json.dump(rows, sys.stdout, indent=2)
        print()
    elif a.json:
        with open(a.json, "w") as f:
            json.dump(rows, f, indent=2)


if __name__ == "__main__":
    main()
