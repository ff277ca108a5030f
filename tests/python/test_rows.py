"""Rows in parts, and rows without a copy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from histobridge.translation.rows import blocks, evenly, taken

TABLE = np.arange(40).reshape(20, 2)
ROWS = st.lists(st.integers(0, 19), max_size=25).map(lambda r: np.array(r, dtype=int))


@given(rows=ROWS | st.permutations(range(20)).map(np.array), size=st.integers(1, 8))
def test_blocks_are_the_rows_in_their_order(rows, size):
    parts = [TABLE[part] for part in blocks(rows, size)]
    assert all(len(part) <= size for part in parts)
    found = np.concatenate([TABLE[:0], *parts])
    np.testing.assert_array_equal(found, TABLE[rows])


@given(rows=ROWS | st.permutations(range(20)).map(np.array))
def test_rows_taken_are_the_rows(rows):
    np.testing.assert_array_equal(taken(TABLE, rows), TABLE[rows])


def test_all_rows_are_no_copy():
    assert taken(TABLE, np.arange(20)) is TABLE
    assert taken(TABLE, np.arange(19)) is not TABLE


def test_evenly_spaced_rows_hold_both_ends():
    rows = evenly(np.arange(100), 7)
    assert (len(rows), rows[0], rows[-1]) == (7, 0, 99)
    np.testing.assert_array_equal(evenly(np.arange(5), 7), np.arange(5))
