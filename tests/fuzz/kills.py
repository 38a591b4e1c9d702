"""Runs that end at a random moment: by Ctrl-C, by a kill, or on a full disk.

    python tests/fuzz/kills.py [--runs 200] [--seed N]

One run in three is the program itself; the others do nothing but write files, so that many of them
end while one is being written. After every run each file under its final name must be whole, byte
for byte one that an undisturbed run writes; those that were there before must be as they were or
replaced by such a one; the inputs must be unchanged, nothing may lie elsewhere, and the exit code
and the messages must be true. Only a kill, which no program hears, may leave a draft behind. Prints
a table; the exit code is 1 where anything else was found. Full disks need the right to mount one.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from musegen import midi

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "midi"
INPUTS = ("beat.mid", "melody.mid", "band.mid")
PROGRAM = (sys.executable, "-m", "musegen")
VERBS = {
    "groove": ("groove", "in/beat.mid", "-n", "32"),
    "continue": ("continue", "in/melody.mid", "--model", "melody-lstm", "-n", "2", "-l", "1"),
}
OLD, NEW = "1", "2"  # the seeds of what was there before, and of what the run writes
ENDS = ("interrupt", "kill", "terminate", "full disk")
SIGNALS = {
    "interrupt": signal.SIGINT,
    "kill": signal.SIGKILL,
    "terminate": signal.SIGTERM,
}
PAGE = 4096
IN_MAIN = re.compile(r'cli/__init__\.py", line \d+, in main\b')

# Writes the same four files again and again: as songs, or as larger bytes that take longer.
PUBLISHER = """
import os, sys
try:
    from pathlib import Path
    from musegen import midi
    from musegen.errors import OutputError
    from musegen.publishing import publish

    what, action, links, *files = sys.argv[1:]
    if not int(links):
        def refuse(*_): raise PermissionError(1, "Operation not permitted")
        os.link = refuse
    songs = [midi.read(file).song for file in files]
    blobs = [midi.to_bytes(song) * 100 for song in songs]
    number, overwrite = 0, action == "overwrite"
    while True:
        k = number % len(songs)
        path = Path("out") / f"{number % 4 if overwrite else number:06}.mid"
        if what == "songs":
            midi.write(songs[k], path, overwrite=overwrite)
        else:
            publish(path, blobs[k], overwrite=overwrite)
        number += 1
except KeyboardInterrupt:
    sys.exit(130)
except OutputError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(error.exit_code)
"""


@dataclass
class Run:
    """One run: what is run, how it ends, and what came of it."""

    what: str
    action: str
    end: str
    links: bool = True
    code: int = 0
    errors: str = ""
    report: str = ""
    written: int = 0
    drafts: int = 0
    empty: int = 0
    found: list[str] = field(default_factory=list)

    @property
    def is_program(self) -> bool:
        return self.what in VERBS

    @property
    def is_outside(self) -> bool:
        """Whether Ctrl-C reached Python alone: before the program began, or after it had told all.

        Python then ends itself by the signal, in a shell 130 too, or cannot even start.
        """
        if self.end != "interrupt" or self.code not in (0, 1, -signal.SIGINT):
            return False
        if "Traceback" in self.errors:
            return not IN_MAIN.search(self.errors)
        return self.code == -signal.SIGINT

    def command(self) -> list[str]:
        if self.is_program:
            asked = ("--seed", NEW, "-o", "out", "--on-exists", self.action, "--json", "--quiet")
            return [*PROGRAM, *VERBS[self.what], *asked]
        files = [f"in/{name}" for name in INPUTS]
        script = (sys.executable, "-c", PUBLISHER)
        return [*script, self.what, self.action, str(int(self.links)), *files]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: digest(path.read_bytes()) for path in sorted(folder.iterdir())}


class Bench:
    """The folders of all runs, and what undisturbed runs write."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.random = place, random.Random(seed)
        self.out = place / "out"
        (place / "in").mkdir()
        for name in INPUTS:
            shutil.copy(EXAMPLES / name, place / "in")
        self.inputs = hashes(place / "in")
        self.can_mount = True
        self.made: dict[tuple[str, str], Path] = {}
        for verb, words in VERBS.items():
            for was in (OLD, NEW):
                folder = self.made[verb, was] = place / f"{verb}-{was}"
                asked = ("--seed", was, "-o", folder, "--quiet")
                subprocess.run(
                    [*PROGRAM, *words, *asked], cwd=place, check=True, stdout=subprocess.DEVNULL
                )
        songs = [midi.to_bytes(midi.read(place / "in" / name).song) for name in INPUTS]
        self.known = {
            "songs": [digest(data) for data in songs],
            "bytes": [digest(data * 100) for data in songs],
        }

    def plan(self, runs: int) -> Iterator[Run]:
        for n in range(runs):
            end = self.random.choices(ENDS, (5, 5, 2, 3))[0]
            action = self.random.choice(("number", "overwrite"))
            if n % 3 == 0:
                yield Run(self.random.choice(list(VERBS)), action, end)
            else:
                what = self.random.choice(("songs", "bytes"))
                yield Run(what, action, end, links=self.random.random() < 0.75)

    def carry_out(self, run: Run) -> None:
        with self._disk(run):
            if run.is_program and run.end != "full disk":
                for path in self.made[run.what, OLD].iterdir():
                    shutil.copy(path, self.out)
            before = hashes(self.out)
            if run.end == "full disk":
                self._fill(run)
            began = time.monotonic()
            pipe = subprocess.PIPE
            process = subprocess.Popen(
                run.command(), cwd=self.place, stdout=pipe, stderr=pipe, text=True
            )
            try:
                if run.end in SIGNALS:
                    self._wait(run, process, began)
                    process.send_signal(SIGNALS[run.end])
                run.report, run.errors = process.communicate(timeout=60)
            finally:
                process.kill()
            run.code = process.returncode
            run.found = list(self._violations(run, before))

    @contextlib.contextmanager
    def _disk(self, run: Run) -> Iterator[None]:
        """An empty output folder; on a small disk of its own where that is to fill up."""
        self.out.mkdir()
        mounted = False
        if run.end == "full disk":
            size = f"size={self.random.choice((64, 128, 256, 1024))}k"
            mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.out)]
            mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
            if not mounted:
                self.can_mount, run.end = False, "interrupt"
        try:
            yield
        finally:
            if mounted:
                subprocess.run(["umount", self.out], check=True)
            shutil.rmtree(self.out)

    def _fill(self, run: Run) -> None:
        """Leave a few pages at most; each small file takes one, and so does its draft."""
        free = shutil.disk_usage(self.out).free // PAGE
        few = 2 if run.what == "continue" else 5 if run.action == "overwrite" else 40
        left = self.random.randrange(min(few, free))
        (self.out / "filler").write_bytes(bytes(max(free - left, 0) * PAGE))

    def _wait(self, run: Run, process: subprocess.Popen[str], began: float) -> None:
        """Until a random moment: mostly a little after the first new file, at times before it."""
        if self.random.random() < 0.2:
            until = began + self.random.uniform(0, 2 if run.is_program else 0.4)
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.001)
            return
        before = {path.stat().st_ino for path in self.out.iterdir()}
        while process.poll() is None and not self._has_news(before):
            time.sleep(0.0005)
        time.sleep(self.random.uniform(0, 0.1))

    def _has_news(self, before: set[int]) -> bool:
        with contextlib.suppress(FileNotFoundError):  # a draft that was there a moment ago
            return any(path.stat().st_ino not in before for path in self.out.iterdir())
        return True

    def _violations(self, run: Run, before: dict[str, str]) -> Iterator[str]:
        after = hashes(self.out)
        after.pop("filler", None)
        drafts = {name for name in after if name.startswith(".musegen-")}
        run.drafts = len(drafts)
        if drafts and run.end not in ("kill", "terminate"):
            yield f"drafts are left: {sorted(drafts)}"
        for name in drafts:
            del after[name]
        if hashes(self.place / "in") != self.inputs:
            yield "an input was changed"
        elsewhere = {p.name for p in self.place.iterdir()} - {"in", "out"}
        if elsewhere != {folder.name for folder in self.made.values()}:
            yield f"something lies elsewhere: {sorted(elsewhere)}"
        if lost := before.keys() - after.keys():
            yield f"files are gone: {sorted(lost)}"
        for name, got in after.items():
            if got in self._right(run, name, before):
                run.written += before.get(name) != got
            elif not run.links and run.end in ("kill", "terminate") and got == digest(b""):
                run.empty += 1  # all that can be where no file has two names
            else:
                yield f"{name} is not whole"
        yield from self._told(run, after, before)

    def _right(self, run: Run, name: str, before: dict[str, str]) -> set[str]:
        """What may stand under a name."""
        if not run.is_program:
            known = self.known[run.what]
            if run.action == "overwrite":
                return set(known)
            return {known[int(name.removesuffix(".mid")) % len(known)]}
        new = hashes(self.made[run.what, NEW])
        if name in before:
            return {before[name], *((new[name],) if run.action == "overwrite" else ())}
        stem, number = name.removesuffix(".mid").rsplit("_", 1)
        return {new.get(f"{stem}_{int(number) - len(before):02}.mid", "")}

    def _told(self, run: Run, after: dict[str, str], before: dict[str, str]) -> Iterator[str]:
        """What is not true, or not fit to be read, of what the run said."""
        right = {
            "interrupt": {130, 0},
            "kill": {-signal.SIGKILL, 0},
            "terminate": {-signal.SIGTERM, 0},
            "full disk": {4, 0},
        }[run.end]
        if run.code not in right and not run.is_outside:
            yield f"exit code {run.code}: {run.errors.strip()[-300:]}"
        if "Traceback" in run.errors and not run.is_outside:
            yield f"a traceback: {run.errors.strip()[-600:]}"
        if not run.is_program or (run.code < 0 and not run.is_outside):
            return
        if not run.report:
            if run.written:
                yield "files without a report"
            return
        try:
            outputs = {Path(o["path"]).name: o["sha256"] for o in json.loads(run.report)["outputs"]}
        except ValueError:
            yield f"a report that is no JSON: {run.report[-200:]}"
            return
        if not outputs.items() <= after.items():
            yield "the report names files that are not there"
        count = len(hashes(self.made[run.what, NEW]))
        if run.code == 0 and len(outputs) != count:
            yield f"{len(outputs)} outputs, and exit code 0"
        new = {name for name, got in after.items() if before.get(name) != got}
        if run.end == "full disk" and new != outputs.keys():
            yield "the report does not name all that is there"


def table(runs: list[Run]) -> Iterator[str]:
    """A line for each kind of run: "outside" are those that hit Python before or after musegen."""
    rows = defaultdict(list)
    for run in runs:
        links = "" if run.links else ", no hard links"
        rows[f"{run.what}, {run.action}{links}", run.end].append(run)
    heads = ("written", "drafts", "empty", "outside")
    yield f"{'what':34} {'end':10} runs  {'exit codes':24}" + "".join(f"{h:>9}" for h in heads)
    for (what, end), group in sorted(rows.items()):
        codes = Counter(run.code for run in group)
        told = ", ".join(f"{code} x{n}" for code, n in sorted(codes.items()))
        counts = (
            sum(run.written for run in group),
            sum(run.drafts for run in group),
            sum(run.empty for run in group),
            sum(run.is_outside for run in group),
        )
        numbers = "".join(f"{count:9}" for count in counts)
        yield f"{what:34} {end:10} {len(group):4}  {told:24}{numbers}"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--seed", type=int)
    asked = options.parse_args()
    seed = random.randrange(2**32) if asked.seed is None else asked.seed
    began, runs = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="musegen-kills-") as folder:
        bench = Bench(Path(folder), seed)
        for run in bench.plan(asked.runs):
            bench.carry_out(run)
            runs.append(run)
            for line in run.found:
                print(f"VIOLATION: {run.what}, {run.action}, {run.end}: {line}", flush=True)
        if not bench.can_mount:
            print("no disk may be mounted here: full disks were left out")
    print(*table(runs), sep="\n")
    bad = sum(bool(run.found) for run in runs)
    drafts = sum(bool(run.drafts) for run in runs)
    print(f"{len(runs)} runs, seed {seed}, {time.monotonic() - began:.0f} s: {bad} violations")
    print(f"{drafts} runs ended while a file was being written and left its draft")
    traces = [run.errors for run in runs if run.is_outside and "Traceback" in run.errors]
    ours = sum("__main__.py" in trace for trace in traces)
    print(f"{len(traces)} tracebacks of Python itself before the program began, {ours} in __main__")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
