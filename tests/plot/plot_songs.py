"""Songs to draw."""

from __future__ import annotations

from hypothesis import strategies as st

from musegen.song import Marker, Notes, Song, Track

BAR = 1920


def tune(bars: int, *, pitch: int = 60) -> Notes:
    """Four quarters a bar, each of its own pitch and velocity."""
    return Notes.of(
        [(n * 480, 400, pitch + n % 12, 20 + n * 7 % 100) for n in range(4 * bars)],
    )


def beat(bars: int) -> Notes:
    return Notes.of([(n * 480, 60, (36, 42, 38, 42)[n % 4], 100) for n in range(4 * bars)])


def band(bars: int = 8, pitched: int = 2, **more: object) -> Song:
    """Pitched tracks an octave apart or less, and drums."""
    names = ("Piano", "Bass", "Strings", "Flute", "Organ", "Harp", "Oboe", "Horn")
    tracks = [
        Track(tune(bars, pitch=40 + 5 * (n % 8)), name=f"{names[n % 8]} {n + 1}")
        for n in range(pitched)
    ]
    tracks.append(Track(beat(bars), is_drum=True, name="Kit"))
    song = Song(tuple(tracks), bars * BAR)
    return song if not more else Song(tuple(tracks), bars * BAR, **more)  # type: ignore[arg-type]


def continued(bars: int = 8) -> Song:
    return band(bars, markers=(Marker(0, "Verse"), Marker(bars // 2 * BAR, "continue")))


songs = st.builds(
    lambda tracks, length, markers, tpq: Song(
        tuple(tracks), length, tpq, markers=tuple(Marker(*m) for m in markers)
    ),
    st.lists(
        st.builds(
            Track,
            st.lists(
                st.tuples(
                    st.integers(0, 9000),
                    st.integers(1, 4000),
                    st.integers(0, 127),
                    st.integers(1, 127),
                ),
                max_size=12,
            ).map(Notes.of),
            st.integers(0, 127),
            st.booleans(),
            st.text(max_size=40),
        ),
        max_size=8,
    ),
    st.integers(0, 20_000),
    st.lists(st.tuples(st.integers(0, 20_000), st.text(max_size=40)), max_size=6),
    st.integers(1, 960),
)
