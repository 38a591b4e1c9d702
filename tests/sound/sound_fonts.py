"""SoundFonts written by the tests: a looped sine at A4 and a burst of noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from musegen.sound.soundfont import G

RATE = 44_000
SINE = np.rint(20_000 * np.sin(2 * np.pi * np.arange(4_400) / 100)).astype("<i2")
NOISE = np.random.default_rng(0).integers(-20_000, 20_000, 8_820).astype("<i2")
SAMPLES = (SINE, NOISE)
LOOPS = ((400, 4_000), (0, 0))  # 36 cycles
ROOTS = (69, 60)

Amounts = Mapping[G, int]
Modulator = tuple[int, int, int]  # source, target, amount


@dataclass(frozen=True)
class Layer:
    """A zone: the sample or instrument that it plays, and what it sets. None: a global zone."""

    plays: int | None
    amounts: Amounts = field(default_factory=dict)
    modulators: Sequence[Modulator] = ()


@dataclass(frozen=True)
class Preset:
    bank: int
    program: int
    layers: Sequence[Layer]


LOOPED = {G.MODES: 1, G.RELEASE: -1_200}  # released within 0.5 s for 100 dB
MELODIC = (Layer(0, LOOPED),)
KIT = (
    Layer(1, {G.KEY_RANGE: 36 | 36 << 8, G.RELEASE: 2_400}),
    Layer(1, {G.KEY_RANGE: 42 | 42 << 8, G.EXCLUSIVE_CLASS: 1, G.RELEASE: 2_400}),
    Layer(0, {G.KEY_RANGE: 46 | 46 << 8, G.EXCLUSIVE_CLASS: 1, G.RELEASE: 6_000, G.MODES: 1}),
)
PRESETS = (Preset(0, 0, (Layer(0),)), Preset(128, 0, (Layer(1),)))


def font_bytes(
    instruments: Sequence[Sequence[Layer]] = (MELODIC, KIT),
    presets: Sequence[Preset] = PRESETS,
    samples: Sequence[NDArray[np.int16]] = SAMPLES,
    sample_type: int = 1,
) -> bytes:
    """A SoundFont 2.01 file."""
    sound, headers, at = b"", b"", 0
    for data, (first, last), root in zip(samples, LOOPS, ROOTS, strict=True):
        places = (at, at + len(data), at + first, at + last, RATE)
        headers += b"sample".ljust(20, b"\0") + np.array(places, "<u4").tobytes()
        headers += bytes([root, 0]) + np.array((0, sample_type), "<u2").tobytes()
        sound += data.tobytes() + bytes(2 * 46)
        at += len(data) + 46
    headers += b"EOS".ljust(46, b"\0")
    inst, ibag, imod, igen = _layers(instruments, G.SAMPLE)
    phdr, pbag, pmod, pgen = _layers([preset.layers for preset in presets], G.INSTRUMENT)
    instrument_rows = b"".join(b"thing".ljust(20, b"\0") + _word(bag) for bag in inst)
    preset_rows = b"".join(
        b"preset".ljust(20, b"\0") + _word(program) + _word(bank) + _word(bag) + bytes(12)
        for bag, (bank, program) in zip(
            phdr, [*((p.bank, p.program) for p in presets), (0, 0)], strict=True
        )
    )
    tables = {
        "phdr": preset_rows,
        "pbag": pbag,
        "pmod": pmod,
        "pgen": pgen,
        "inst": instrument_rows,
        "ibag": ibag,
        "imod": imod,
        "igen": igen,
        "shdr": headers,
    }
    pdta = b"".join(_chunk(name, data) for name, data in tables.items())
    return _chunk(
        "RIFF",
        b"sfbk"
        + _chunk("LIST", b"INFO" + _chunk("ifil", bytes([2, 0, 1, 0])))
        + _chunk("LIST", b"sdta" + _chunk("smpl", sound))
        + _chunk("LIST", b"pdta" + pdta),
    )


def _layers(owners: Sequence[Sequence[Layer]], last: G) -> tuple[list[int], bytes, bytes, bytes]:
    """The first bag of each owner, and the bags, modulators and generators of all."""
    firsts: list[int] = []
    bags: list[tuple[int, int]] = []
    modulators = generators = b""
    for layers in owners:
        firsts.append(len(bags))
        for layer in layers:
            bags.append((len(generators) // 4, len(modulators) // 10))
            for kind, amount in sorted(layer.amounts.items()):
                generators += _word(kind) + _word(amount & 0xFFFF)
            if layer.plays is not None:
                generators += _word(last) + _word(layer.plays)
            for source, target, amount in layer.modulators:
                modulators += _word(source) + _word(target) + _word(amount & 0xFFFF) + bytes(4)
    bags.append((len(generators) // 4, len(modulators) // 10))
    table = b"".join(_word(g) + _word(m) for g, m in bags)
    return [*firsts, len(bags) - 1], table, modulators + bytes(10), generators + bytes(4)


def _word(number: int) -> bytes:
    return int(number).to_bytes(2, "little")


def _chunk(name: str, data: bytes) -> bytes:
    return name.encode() + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)
