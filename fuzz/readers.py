"""Coverage-guided fuzzing of the readers of `avs3d.io`, with atheris (libFuzzer).

    pip install -e ".[fuzz]"
    python fuzz/readers.py --seconds 600                # every reader, one after the other
    python fuzz/readers.py .pcd .ply --seconds 60       # two of them

Every input goes to `avs3d.read` as a file. It must come back as a scan or as a ReadError of one
line that names the file, within 2 seconds and 1 GB (the processes that parse apart included).
Anything else stops the fuzzer of that reader, and the input lies in `fuzz/found/`.

`fuzz/corpus/ENDING.zip` is where each begins, and where the inputs go that reached new code; the
test suite reads them all again (tests/test_io_corpus.py). What is parsed in a process of its own
(.laz .e57 .drc .feather .parquet) is guided by the code on this side alone, and much slower.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import pickle
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ENDINGS = (
    ".bin", ".npy", ".npz", ".pcd", ".ply", ".las", ".csv", ".pth", ".pkl", ".bin.gz", ".bin.zst",
    ".laz", ".e57", ".drc", ".feather", ".parquet",
)  # fmt: skip
PICKLE = ".pkl"
"""No point cloud, but what is in a `.pth` and in the published caches, without the checksums of an
archive around it, which no mutated archive gets past."""
SECONDS, MEGABYTES, LENGTH = 2, 1024, 16 << 10
_EPOCH = (2026, 1, 1, 0, 0, 0)
MEMORY = Path("/dev/shm")


def unpack_corpus(end: str, folder: Path) -> None:
    """The inputs to begin with: those kept, and the files that the tests make."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    import io_files
    import pickle_files

    made = [data for name, data in io_files.all_files().items() if name.endswith(end)]
    made += [make() for name, make in io_files.EXTRA.items() if name.endswith(end)]
    if end in (".pth", PICKLE):
        make = pickle.dumps if end == PICKLE else pickle_files.torch_bytes
        made.append(make((io_files.XYZ, 0, io_files.LABEL)))
    kept = HERE / "corpus" / f"{end[1:]}.zip"
    if kept.exists():
        with zipfile.ZipFile(kept) as archive:
            made += [archive.read(name) for name in archive.namelist()]
    for data in made:
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def pack_corpus(end: str, folder: Path) -> int:
    """Keep the inputs; the same ones make the same archive."""
    path = HERE / "corpus" / f"{end[1:]}.zip"
    path.parent.mkdir(exist_ok=True)
    inputs = sorted(folder.iterdir())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for item in inputs:
            archive.writestr(zipfile.ZipInfo(item.name, _EPOCH), item.read_bytes(), 8)
    return len(inputs)


def fuzz(end: str, folder: Path, seconds: int) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["avs3d", "laspy", "plyfile", "pypcd4", "gzip"]):
        import avs3d.io
        from avs3d.io import formats

        for name in set(formats.READERS.values()):
            formats.module(name)
        from avs3d.io.pickles import unpickle
    from avs3d.errors import ReadError
    from avs3d.io.source import MalformedError

    place = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
    path = Path(place.name, f"input{end}")

    def read(data: bytes) -> None:
        if end == PICKLE:
            with contextlib.suppress(MalformedError):
                unpickle(memoryview(data))
            return
        path.write_bytes(data)
        for columns in (None, 5) if end == ".bin" else (None,):
            try:
                scan = avs3d.io.read(path, columns=columns)
                assert scan.points.shape == (len(scan), 3) and len(scan)
            except ReadError as error:
                text = str(error)
                assert text.startswith(str(path)) and text.isprintable() and len(text) < 1000, text
        children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        assert children < MEGABYTES, f"a process apart took {children:.0f} MB"

    found = HERE / "found"
    found.mkdir(exist_ok=True)
    options = [
        f"-max_total_time={seconds}", f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LENGTH}", f"-artifact_prefix={found}/{end[1:]}-", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], str(folder), *options], read)
    atheris.Fuzz()


def run(end: str, seconds: int) -> bool:
    """One reader in a process of its own; True where nothing was found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack_corpus(end, folder)
        command = [sys.executable, __file__, end, "--seconds", str(seconds), "--inside", name]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
        lines = done.stderr.splitlines()
        stats = dict(line[6:].split(":") for line in lines if line.startswith("stat::"))
        executions = stats.get("number_of_executed_units", "?").strip()
        peak = stats.get("peak_rss_mb", "?").strip()
        kept = pack_corpus(end, folder)
    told = [line for line in lines if not line.startswith(("#", "stat::", "INFO"))]
    verdict = "ok" if done.returncode == 0 else "FOUND: " + " | ".join(told[-12:])
    print(f"{end:9} {executions:>9} inputs, {peak} MB, {kept} kept: {verdict}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("endings", nargs="*", default=ENDINGS, metavar="ENDING")
    parser.add_argument("--seconds", type=int, default=600, help="for each reader")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.endings) - set(ENDINGS):
        parser.error(f"no reader {', '.join(unknown)}; there are {' '.join(ENDINGS)}")
    if options.inside:
        fuzz(options.endings[0], options.inside, options.seconds)
    return int(not all([run(end, options.seconds) for end in options.endings]))


if __name__ == "__main__":
    raise SystemExit(main())
