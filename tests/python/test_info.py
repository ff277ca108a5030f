"""The text of a bug report: true, complete and silent about people."""

import getpass
import importlib.metadata
from pathlib import Path

import histobridge as hb


def test_versions_are_those_of_the_installed_packages():
    info = hb.histobridge_info()
    assert info.system["HistoBridge"] == hb.__version__
    assert info.packages["anndata"] == importlib.metadata.version("anndata")
    assert info.optional["cluster"]["dask"] == importlib.metadata.version("dask")


def test_what_is_not_installed_is_named():
    info = hb.histobridge_info(["numpy>=1", "no-such-package; extra == 'odd'"])
    assert set(info.packages) == {"numpy"}
    assert info.optional == {"odd": {"no-such-package": None}}
    assert "no-such-package -" in str(info)


def test_no_path_and_no_name_is_given_away():
    text = str(hb.histobridge_info())
    assert str(Path.home()) not in text
    assert str(Path.cwd()) not in text
    assert getpass.getuser() == "root" or getpass.getuser() not in text
