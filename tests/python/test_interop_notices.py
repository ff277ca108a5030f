"""Warnings of the package are handed to R, those of others shown as ever."""

import warnings

import pytest

from histobridge.contract import ContractWarning
from histobridge.interop.reticulate import Notices


def test_own_warnings_are_collected_each_time_and_others_shown():
    with pytest.warns(FutureWarning, match="soon") as shown:
        notices = Notices()
        for _ in range(2):
            warnings.warn("look", ContractWarning, stacklevel=1)
        warnings.warn("soon", FutureWarning, stacklevel=1)
        said = notices.stop()
    assert said == ["look", "look"]
    assert len(shown) == 1


def test_afterwards_all_is_as_before():
    before = warnings.showwarning, list(warnings.filters)
    Notices().stop()
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_one_within_another_keeps_its_own():
    outer = Notices()
    warnings.warn("first", ContractWarning, stacklevel=1)
    inner = Notices()
    warnings.warn("second", ContractWarning, stacklevel=1)
    assert inner.stop() == ["second"]
    warnings.warn("third", ContractWarning, stacklevel=1)
    assert outer.stop() == ["first", "third"]
