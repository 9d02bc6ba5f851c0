"""Rows as they are compared: what means the same looks the same."""

import json


def canonical(rows):
    """Rows without what may differ between the reference's own rows and those that it gets back (README.md says why)."""
    return [_row(row) for row in rows]


def _row(row):
    ids = dict(row["external_ids"])
    # The reference takes a monitor for one of all members in its row.
    probed = {check["external_ids"]["octavia:pool_id"] for check in row["health_check"]}
    members = {token.split("_")[1]: token.split("_")[2].rsplit(":", 1)[0]
               for pool in probed for token in ids.get(f"pool_{pool}", "").split(",") if token}
    for key, value in ids.items():
        if key.startswith("pool_"):
            ids[key] = _sorted(value)
        elif key.startswith("listener_"):
            # A pool that was made disabled keeps the mark in its listener.
            ids[key] = value.removesuffix(":D")
    # Their order, and an id for every VIP instead of one.
    if "octavia:healthmonitors" in ids:
        ids["octavia:healthmonitors"] = sorted(set(json.loads(ids["octavia:healthmonitors"])))
    if "ls_refs" in ids:
        ids["ls_refs"] = json.loads(ids["ls_refs"])
    if "lr_ref" in ids:
        ids["lr_ref"] = _sorted(ids["lr_ref"])
    if "neutron:member_status" in ids:
        statuses = json.loads(ids["neutron:member_status"])
        ids["neutron:member_status"] = {
            member: status if member in members or status == "OFFLINE" else "NO_MONITOR" for member, status in statuses.items()}
    return {
        "protocol": row["protocol"], "vips": {vip: _sorted(to) for vip, to in row["vips"].items()},
        "selection_fields": row["selection_fields"], "options": row["options"], "external_ids": ids,
        "ip_port_mappings": {ip: to for ip, to in row["ip_port_mappings"].items() if ip.strip("[]") in members.values()},
        "attached": row["attached"], "health_check": _checks(row["health_check"]),
    }


def _checks(checks):
    """The reference has a check a VIP, at the port of the listener that came last (of IPv6, at none that there is); Weir's are
    one a listener."""
    return {f"{check['external_ids']['octavia:healthmonitor']} {check['external_ids']['octavia:vip']}":
            [check["options"], check["external_ids"]] for check in checks}


def _sorted(text):
    return sorted(text.split(",")) if text else []


def difference(ours, theirs, at=""):
    """Where two values differ: {place: (ours, theirs)}."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        pairs = [(f"{at}.{key}", ours.get(key), theirs.get(key)) for key in ours.keys() | theirs.keys()]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = [(f"{at}[{n}]", *pair) for n, pair in enumerate(zip(ours, theirs))]
    else:
        return {} if ours == theirs else {at: (ours, theirs)}
    found = {}
    for place, one, other in pairs:
        found |= difference(one, other, place)
    return found


def without_leftovers(found):
    """Leaves out where the reference has more attachments: it never takes a router off again, and gives the row of a second
    protocol those of the first one's members."""
    def is_leftover(place, ours, theirs):
        kind = place.rsplit("attached", 1)[-1] == "" or ".lr_ref" in place
        if kind and isinstance(theirs, list):
            return set(ours or []) <= set(theirs)
        return ".ls_refs." in place and ours is None
    return {place: pair for place, pair in found.items() if not is_leftover(place, *pair)}
