"""Makes an SQLite file with Octavia's tables and look-up rows: its own migrations do not run on SQLite.

Usage: database.py FILE
"""

import sys

import sqlalchemy
from sqlalchemy import orm

from octavia.common import constants
from octavia.db import base_models
from octavia.db import models

# Column `name` of each look-up table holds one of these words.
WORDS = [
    (models.ProvisioningStatus, constants.SUPPORTED_PROVISIONING_STATUSES),
    (models.OperatingStatus, constants.SUPPORTED_OPERATING_STATUSES),
    (models.HealthMonitorType, constants.SUPPORTED_HEALTH_MONITOR_TYPES),
    (models.Algorithm, constants.SUPPORTED_LB_ALGORITHMS),
    (models.Protocol, constants.SUPPORTED_PROTOCOLS),
    (models.SessionPersistenceType, constants.SUPPORTED_SP_TYPES),
    (models.AmphoraRoles, constants.SUPPORTED_AMPHORA_ROLES),
    (models.LBTopology, constants.SUPPORTED_LB_TOPOLOGIES),
    (models.VRRPAuthMethod, constants.SUPPORTED_VRRP_AUTH),
    (models.L7RuleType, constants.SUPPORTED_L7RULE_TYPES),
    (models.L7RuleCompareType, constants.SUPPORTED_L7RULE_COMPARE_TYPES),
    (models.L7PolicyAction, constants.SUPPORTED_L7POLICY_ACTIONS),
    (models.ClientAuthenticationMode, constants.SUPPORTED_CLIENT_AUTH_MODES),
]


def main():
    engine = sqlalchemy.create_engine(f"sqlite:///{sys.argv[1]}")
    base_models.BASE.metadata.create_all(engine)
    nil = constants.NIL_UUID
    deleted = {"name": "DELETED-PLACEHOLDER"}
    with orm.Session(engine) as session, session.begin():
        for model, words in WORDS:
            session.add_all(model(name=word) for word in words)
        session.add(models.FlavorProfile(id=nil, provider_name=constants.DELETED, flavor_data="{}", **deleted))
        session.add(models.AvailabilityZoneProfile(
            id=nil, provider_name=constants.DELETED, availability_zone_data="{}", **deleted))
        session.flush()
        session.add(models.Flavor(id=nil, flavor_profile_id=nil, enabled=False, **deleted))
        session.add(models.AvailabilityZone(name=nil, availability_zone_profile_id=nil, enabled=False))


main()
