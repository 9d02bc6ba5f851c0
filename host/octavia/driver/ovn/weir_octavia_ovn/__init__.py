"""Weir's driver under the name ``ovn``, in place of ovn-octavia-provider: never beside it.

Python packages cannot declare that they exclude each other, and of two drivers of one name Octavia would take either. So
the one who loads this one is told.
"""

import importlib.metadata

REFERENCE = "ovn-octavia-provider"


class BesideTheReference(RuntimeError):
    """Both packages that are the provider ``ovn`` are installed."""


def _refuse_beside_the_reference():
    try:
        found = importlib.metadata.distribution(REFERENCE)
    except importlib.metadata.PackageNotFoundError:
        return
    raise BesideTheReference(
        f"{REFERENCE} {found.version} is installed beside weir-octavia-ovn, and both are Octavia's provider 'ovn'. "
        f"Uninstall one of them: 'pip uninstall {REFERENCE}' to have Weir, 'pip uninstall weir-octavia-ovn' to go back. "
        "(Weir's provider of the name 'weir' may stay beside either.)")


_refuse_beside_the_reference()

from weir_octavia.driver import WeirProviderDriver  # noqa: E402

__all__ = ["BesideTheReference", "WeirProviderDriver"]
