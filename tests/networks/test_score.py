"""The network's reading of a score, against the plain way to read one."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from hypothesis import given
from hypothesis import strategies as st

from musegen.networks.score import Ids, Reading, Roles, Score

ROLES = Roles(
    start=(0, 1),
    bar=(1, 3),
    position=(3, 9),
    track=(9, 12),
    slot=(12, 15),
    fill=(15, 18),
    answer=(18, 21),
)
VOCABULARY = 30
REGISTERS: tuple[tuple[Ids, ...], ...] = (((1, 3), (3, 9)), ((24, 30),))
FIELDS: tuple[tuple[Ids, ...], ...] = (((9, 12),), ((21, 24),))
EMPTY = len(REGISTERS) + len(FIELDS)


def a_score() -> Score:
    return Score(REGISTERS, FIELDS, ROLES, VOCABULARY, width=4)


@dataclass
class Plain:
    """What holds, one id after the other."""

    registers: list[int | None] = field(default_factory=lambda: [None] * len(REGISTERS))
    fields: dict[tuple[int, int], int] = field(default_factory=dict)
    told: int = 0
    track: int = -1
    count: int = 0
    bar: int = 0
    position: int = 0
    gaps: dict[int, int] = field(default_factory=dict)

    def advance(self, id_: int) -> tuple[list[int | None], int, int]:
        def within(ids: Ids) -> bool:
            return ids[0] <= id_ < ids[1]

        if within(ROLES.start):
            self.fields, self.told, self.track = {}, 0, -1
            self.count = self.bar = self.position = 0
        elif within(ROLES.bar):
            self.count += 1
            self.bar, self.track, self.position = self.count, -1, 0
        elif within(ROLES.position):
            self.position = id_ - ROLES.position[0]
        elif within(ROLES.track):
            self.track, self.told = self.told, self.told + 1
        elif within(ROLES.slot):
            self.track, self.position = id_ - ROLES.slot[0], 0
        elif within(ROLES.fill):
            self.gaps[id_ - ROLES.fill[0]] = self.count
        elif within(ROLES.answer):
            self.bar = self.gaps.get(id_ - ROLES.answer[0], self.bar)
            self.track, self.position = -1, 0
        for number, ranges in enumerate(REGISTERS):
            if any(map(within, ranges)):
                self.registers[number] = id_
        for number, ranges in enumerate(FIELDS):
            if any(map(within, ranges)):
                self.fields[number, self.track] = id_
        tracks = ROLES.slot[1] - ROLES.slot[0]
        own = [
            self.fields.get((number, self.track)) if 0 <= self.track < tracks else None
            for number in range(len(FIELDS))
        ]
        return [*self.registers, *own], self.bar, self.position


def row(score: Score, register: int, id_: int | None) -> int:
    return register if id_ is None else int(score.row_of[register, id_])


def check(score: Score, reading: Reading, ids: list[int], b: int = 0, dead: int = 0) -> None:
    """Whether all three read the same."""
    plain, place = Plain(), score.place([])
    for t, id_ in enumerate(ids):
        held, bar, position = plain.advance(id_)
        rows = [row(score, register, value) for register, value in enumerate(held)]
        place.advance(id_)
        assert (place.rows, place.bar, place.position) == (rows, bar, position)
        read = (int(each[b, dead + t]) for each in reading[1:])
        assert (reading.rows[:, b, dead + t].tolist(), *read) == (rows, bar, position)


scores = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=60)


@given(scores)
def test_it_reads_whatever_is_written(ids: list[int]) -> None:
    score = a_score()
    reading = score.read(torch.tensor([ids]))
    check(score, reading, ids)


@given(st.lists(scores, min_size=1, max_size=3))
def test_rows_of_one_batch_are_read_apart_and_padding_says_nothing(rows: list[list[int]]) -> None:
    score, width = a_score(), max(map(len, rows))
    padding = torch.tensor([width - len(ids) for ids in rows])
    ids = torch.tensor([[0] * (width - len(ids)) + ids for ids in rows])
    reading = score.read(ids, padding)
    for b, written in enumerate(rows):
        check(score, reading, written, b, int(padding[b]))


def test_places_go_on_apart() -> None:
    score = a_score()
    begun = score.place([0, 9, 21, 10, 1, 12, 4])
    places = [begun.copy() for _ in range(3)]
    then = [12, 22, 1]
    told = score.advanced(places, then)
    for (row, *held), id_ in zip(told, then, strict=True):
        assert row == len(score.rows) + id_
        assert held == score.place([0, 9, 21, 10, 1, 12, 4, id_]).held


def test_every_id_has_a_row_of_its_own_in_every_register() -> None:
    score = a_score()
    told = score.row_of[score.row_of >= 0].tolist()
    assert sorted(told) == list(range(EMPTY, EMPTY + len(told)))
    assert len(score.rows) == EMPTY + len(told)
    assert list(score.state_dict()) == ["rows"]


def test_rows_are_added_up() -> None:
    score = a_score()
    score.rows.data = torch.arange(len(score.rows) * 4.0).view(-1, 4)
    rows = torch.tensor([[[1, 4]], [[2, 0]]])
    expected = score.rows[rows[0]] + score.rows[rows[1]]
    assert torch.equal(score(rows), expected)
