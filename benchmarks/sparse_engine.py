"""The sparse engine against the dense limit of this machine, and against spconv.

    python benchmarks/sparse_engine.py [--threads 1] [--layers] [--long] [--json FILE]

MinkUNet18A with 768 outputs in float32, in inference. ratio_dense = its time, kernel maps
included, over the time that the same multiply-adds take as one large float32 matrix product in the
same run: 1.0 is the limit. ratio_spconv = spconv's time over ours on one thread, with the same
weights and outputs that agree to 1e-4 (`pip install spconv`; its CPU code races and is wrong with
two torch threads, so there is one). Maps: share of the time that kernel maps take. GB: the peak
above the weights, in a fresh process. Absolute times of a shared machine mean nothing; ratios do.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
from engine.checks import check
from engine.clouds import build_maps, clouds
from engine.growth import growth
from engine.layers import Layer, measure_layers, operations
from engine.measure import alone, dense_rate, peak_above, seconds, touch_memory
from engine.training import training

from avs3d.models.minkunet import MinkUNet
from avs3d.sparse import SparseTensor

WIDTH = 768


def network() -> MinkUNet:
    torch.manual_seed(0)
    return MinkUNet.variant("18A", 3, WIDTH).eval()


@torch.inference_mode()
def run(net: MinkUNet, coords: torch.Tensor) -> torch.Tensor:
    level = build_maps(coords)
    return net.final(net.trunk(SparseTensor(torch.ones(len(coords), 3), level))).features


@torch.inference_mode()
def measure(coords: torch.Tensor, threads: int, repeats: int) -> dict[str, Any]:
    """Ours, the dense product and spconv by turns, the fastest of each."""
    torch.set_num_threads(threads)
    net, size = network(), 4 * WIDTH * len(coords) + (200 << 20)
    x = SparseTensor(torch.ones(len(coords), 3), build_maps(coords))
    flop = operations(net, x)
    calls = {
        "maps": lambda: build_maps(coords),
        "trunk": lambda: net.trunk(x),
        "whole": lambda: run(net, coords),
    }
    error = None
    if threads == 1 and importlib.util.find_spec("spconv"):
        from peers.spconv_minkunet import SpconvMinkUNet

        peer = SpconvMinkUNet(net)
        error = (peer(coords, x.features) - run(net, coords)).abs().max().item()
        calls["spconv"] = lambda: peer(coords, x.features)
    times: dict[str, list[float]] = {name: [] for name in calls}
    rates = []
    for _ in range(repeats):
        rates.append(dense_rate(1))
        for name, call in calls.items():
            touch_memory(size)
            times[name].append(seconds(call))
    fastest = {name: min(taken) for name, taken in times.items()}
    ideal = flop / max(rates)
    return {
        "threads": threads,
        "voxels": len(coords),
        "gflop": flop / 1e9,
        "dense_gflops": max(rates) / 1e9,
        "seconds": fastest["whole"],
        "ratio_dense": fastest["whole"] / ideal,
        "maps_share": fastest["maps"] / fastest["whole"],
        "trunk_share": fastest["trunk"] / fastest["whole"],
        "ratio_spconv": fastest["spconv"] / fastest["whole"] if "spconv" in fastest else None,
        "spconv_difference": error,
        "peak_gb": alone(peak, coords.numpy(), threads),
    }


def peak(coords: Any, threads: int) -> float | None:
    """In a process of its own."""
    torch.set_num_threads(threads)
    net, voxels = network(), torch.from_numpy(coords)
    return peak_above(lambda: run(net, voxels))


def show(name: str, row: dict[str, Any]) -> None:
    spconv = "-" if row["ratio_spconv"] is None else f"{row['ratio_spconv']:.2f}"
    gb = "-" if row["peak_gb"] is None else f"{row['peak_gb']:.2f}"
    print(
        f"{name:24}{row['threads']:3}{row['voxels']:9,}{row['gflop']:8.1f}{row['seconds']:7.2f}"
        f"{row['ratio_dense']:13.2f}{spconv:>14}{row['maps_share']:7.1%}{gb:>6}",
        flush=True,
    )


def show_layers(layers: dict[str, Layer], rate: float) -> None:
    print(f"\n{'layer':26}{'kernel':>15}{'pairs':>10}{'GFLOP/s':>9}{'of dense':>9}{'MB moved':>9}")
    for name, layer in layers.items():
        speed = layer.flop / layer.seconds
        print(
            f"{name:26}{str(layer.kernel):>15}{layer.pairs:10,}{speed / 1e9:9.1f}"
            f"{speed / rate:9.0%}{layer.bytes_moved / 1e6:9.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    root = Path(__file__).resolve().parents[1]
    parser.add_argument("--data", type=Path, default=root.parent / "shared" / "data")
    parser.add_argument("--threads", type=int, help="only this many (default: one, then all)")
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--layers", action="store_true", help="a table of every layer, too")
    parser.add_argument("--long", action="store_true", help="growth up to 3 million voxels")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    every = [args.threads] if args.threads else sorted({1, torch.get_num_threads()})

    found = clouds(args.data)
    report: dict[str, Any] = {"forward": []}
    print(
        f"{'cloud':24}{'thr':>3}{'voxels':>9}{'GFLOP':>8}{'s':>7}"
        f"{'ratio_dense':>13}{'ratio_spconv':>14}{'maps':>7}{'GB':>6}"
    )
    for threads in every:
        for name, coords in found.items():
            row = measure(coords, threads, args.repeats)
            report["forward"].append({"cloud": name, **row})
            show(name, row)
    name, coords = list(found.items())[1 if len(found) > 1 else 0]
    torch.set_num_threads(every[0])
    if args.layers:
        x = SparseTensor(torch.ones(len(coords), 3), build_maps(coords))
        layers = measure_layers(network(), x, args.repeats)
        show_layers(layers, dense_rate(args.repeats))
        report["layers"] = {key: layer.__dict__ for key, layer in layers.items()}
    report["training"] = training(name, coords, every[0])
    report["growth"] = growth(found["simulated, 0.05 m"], every[-1], args.long)
    report["checks"] = check(coords)
    if args.json:
        args.json.write_text(json.dumps(report, indent=1), "utf-8")


if __name__ == "__main__":
    main()
