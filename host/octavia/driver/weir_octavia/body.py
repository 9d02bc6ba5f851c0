"""Octavia's objects as the host gets them."""

from octavia_lib.api.drivers import data_models

# Numbers, though their names end as those of the key material do.
_TIMEOUTS = ("timeout_client_data", "timeout_member_data")

# The operator's own dictionaries, passed on as they are.
_OPAQUE = ("flavor", "availability_zone", "flavor_metadata", "availability_zone_metadata")


def plain(thing):
    """An object, list or dictionary as JSON can hold it.

    An unset field is left out, a cleared one is ``None``. Fields ``*_data`` hold certificates and private keys, which the
    host has no use for: they are left out at every depth.
    """
    if isinstance(thing, data_models.BaseDataModel):
        # The default of `recurse` would leave out every list.
        return plain(thing.to_dict(recurse=True, render_unsets=False))
    if isinstance(thing, dict):
        return {
            name: value if name in _OPAQUE else plain(value)
            for name, value in thing.items()
            if not _is_secret(name) and not isinstance(value, data_models.UnsetType)
        }
    if isinstance(thing, (list, tuple)):
        return [plain(item) for item in thing]
    return thing


def _is_secret(name):
    return name.endswith("_data") and name not in _TIMEOUTS
