//! Changed fields of an update, and the members of a batch.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use weir_model::{
    BatchMember, Field, ListenerPatch, LoadBalancerId, LoadBalancerPatch, MemberPatch, MonitorPatch, PoolId,
    PoolPatch,
};

use super::{
    error::{BodyError, Within},
    extras::extra_patch,
    fields::{Object, boolean, number, object, objects, parsed, required, text},
    graph::{allowed_cidrs, default_pool_id, persistence, same_parent},
    kinds,
    unsupported::{refuse_fixed, refuse_options},
};

/// `old_X` and `new_X` of an update.
pub struct Update<'a> {
    old: Option<&'a Object>,
    new: &'a Object,
    new_name: &'static str,
}

impl<'a> Update<'a> {
    /// Reads both; their ids agree.
    pub fn read(
        args: &'a Object,
        old_name: &'static str,
        new_name: &'static str,
        id: &'static str,
    ) -> Result<Self, BodyError> {
        let new = required(object(args, new_name)?, new_name)?;
        let old = object(args, old_name)?.value();
        if let (Some(before), Some(after)) = (old.and_then(|old| old.get(id)), new.get(id))
            && !before.is_null()
            && before != after
        {
            return Err(BodyError::inconsistent(id, format!("not that of {old_name}"))).within(new_name);
        }
        refuse_fixed(old, new).within(new_name)?;
        Ok(Self { old, new, new_name })
    }

    /// The id of what the object is in; a `new_member`, for one, lacks it.
    fn parent<T: FromStr>(&self, name: &str) -> Result<T, BodyError> {
        match parsed(self.new, name).within(self.new_name)? {
            Field::Value(id) => Ok(id),
            _ => {
                let old = self.old.map_or(Ok(Field::Unset), |old| parsed(old, name))?;
                required(old, name).within(self.new_name)
            }
        }
    }

    /// A load balancer's.
    pub fn load_balancer(&self) -> Result<LoadBalancerPatch, BodyError> {
        let read = || {
            refuse_options(self.new)?;
            let id = required(parsed(self.new, "loadbalancer_id")?, "loadbalancer_id")?;
            Ok(LoadBalancerPatch {
                id,
                admin_state_up: boolean(self.new, "admin_state_up")?,
                extra: extra_patch(&kinds::LOAD_BALANCER, self.new),
            })
        };
        read().within(self.new_name)
    }

    /// A listener's.
    pub fn listener(&self) -> Result<(LoadBalancerId, ListenerPatch), BodyError> {
        let map = self.new;
        let read = || {
            Ok(ListenerPatch {
                id: required(parsed(map, "listener_id")?, "listener_id")?,
                admin_state_up: boolean(map, "admin_state_up")?,
                default_pool_id: default_pool_id(map)?,
                allowed_cidrs: allowed_cidrs(map)?,
                extra: extra_patch(&kinds::LISTENER, map),
            })
        };
        Ok((self.parent("loadbalancer_id")?, read().within(self.new_name)?))
    }

    /// A pool's.
    pub fn pool(&self) -> Result<(LoadBalancerId, PoolPatch), BodyError> {
        let map = self.new;
        let read = || {
            Ok(PoolPatch {
                id: required(parsed(map, "pool_id")?, "pool_id")?,
                admin_state_up: boolean(map, "admin_state_up")?,
                algorithm: text(map, "lb_algorithm")?.value().map(str::to_owned),
                persistence: persistence(map)?,
                extra: extra_patch(&kinds::POOL, map),
            })
        };
        Ok((self.parent("loadbalancer_id")?, read().within(self.new_name)?))
    }

    /// A member's.
    pub fn member(&self) -> Result<(PoolId, MemberPatch), BodyError> {
        Ok((self.parent("pool_id")?, member_patch(self.new).within(self.new_name)?))
    }

    /// A health monitor's.
    pub fn monitor(&self) -> Result<(PoolId, MonitorPatch), BodyError> {
        let map = self.new;
        // What is wrong in an object that is only for information does not matter.
        let before = self.old.and_then(|old| old.get("type")?.as_str());
        let read = || {
            Ok(MonitorPatch {
                id: required(parsed(map, "healthmonitor_id")?, "healthmonitor_id")?,
                kind: text(map, "type")?.value().or(before).map(str::to_owned),
                delay: number(map, "delay")?.value(),
                timeout: number(map, "timeout")?.value(),
                rise: number(map, "max_retries")?.value(),
                fall: number(map, "max_retries_down")?,
                admin_state_up: boolean(map, "admin_state_up")?,
                extra: extra_patch(&kinds::HEALTH_MONITOR, map),
            })
        };
        Ok((self.parent("pool_id")?, read().within(self.new_name)?))
    }
}

fn member_patch(map: &Object) -> Result<MemberPatch, BodyError> {
    Ok(MemberPatch {
        id: required(parsed(map, "member_id")?, "member_id")?,
        admin_state_up: boolean(map, "admin_state_up")?,
        weight: number(map, "weight")?,
        backup: boolean(map, "backup")?,
        subnet_id: parsed(map, "subnet_id")?,
        extra: extra_patch(&kinds::MEMBER, map),
    })
}

/// The members of a batch, each once.
pub fn batch(args: &Object, pool: PoolId) -> Result<Vec<BatchMember>, BodyError> {
    let maps = objects(args, "members")?;
    let mut members = Vec::with_capacity(maps.len());
    let mut seen = BTreeSet::new();
    for (index, map) in maps.into_iter().enumerate() {
        let member = batch_member(map, pool).at(index).within("members")?;
        if !seen.insert(member.patch.id) {
            return Err(twice(member.patch.id)).at(index).within("members");
        }
        members.push(member);
    }
    Ok(members)
}

fn batch_member(map: &Object, pool: PoolId) -> Result<BatchMember, BodyError> {
    same_parent(map, "pool_id", pool)?;
    Ok(BatchMember {
        address: required(parsed(map, "address")?, "address")?,
        port: required(number(map, "protocol_port")?, "protocol_port")?,
        patch: member_patch(map)?,
    })
}

fn twice(id: impl Display) -> BodyError {
    BodyError::Twice { field: "member_id".to_owned(), id: id.to_string() }
}
