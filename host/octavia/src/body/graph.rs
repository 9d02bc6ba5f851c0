//! Objects of a create, alone and inside a load balancer.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use weir_model::{
    Extra, Field, Listener, ListenerId, LoadBalancer, LoadBalancerId, Member, Monitor, Persistence, Pool,
    PoolId, Vip,
};

use super::{
    error::{BodyError, Within},
    extras::extras,
    fields::{Object, boolean, number, object, objects, parsed, required, text, texts},
    flavor, kinds,
};

/// Octavia's default of `max_retries` and `max_retries_down`.
const MAX_RETRIES: u32 = 3;

/// A load balancer with listeners, pools and members. What this provider lacks of it is left out: whether that may be is a
/// create's business, and must not keep one from being read that is there.
pub fn load_balancer(map: &Object) -> Result<LoadBalancer, BodyError> {
    let id = required(parsed(map, "loadbalancer_id")?, "loadbalancer_id")?;
    let mut pools = Pools::default();
    for (index, pool) in objects(map, "pools")?.into_iter().enumerate() {
        pools.add(pool, id).at(index).within("pools")?;
    }
    let mut listeners = BTreeMap::new();
    for (index, map) in objects(map, "listeners")?.into_iter().enumerate() {
        let listener = child_listener(map, id, &mut pools).at(index).within("listeners")?;
        match listeners.entry(listener.id) {
            Entry::Vacant(entry) => drop(entry.insert(listener)),
            Entry::Occupied(_) => {
                return Err(twice("listener_id", listener.id)).at(index).within("listeners");
            }
        }
    }
    pools.link(&mut listeners).within("pools")?;
    Ok(LoadBalancer {
        id,
        project_id: text(map, "project_id")?.value().map(str::to_owned),
        admin_state_up: up(map)?,
        vip: Vip {
            address: required(parsed(map, "vip_address")?, "vip_address")?,
            port_id: parsed(map, "vip_port_id")?.value(),
            network_id: parsed(map, "vip_network_id")?.value(),
            subnet_id: parsed(map, "vip_subnet_id")?.value(),
        },
        additional_vips: additional_vips(map)?,
        listeners,
        pools: pools.by_id,
        flavor: flavor::known(map),
        extra: extras(&kinds::LOAD_BALANCER, map),
    })
}

fn additional_vips(map: &Object) -> Result<Vec<Vip>, BodyError> {
    let mut vips = Vec::new();
    for (index, map) in objects(map, "additional_vips")?.into_iter().enumerate() {
        vips.push(additional_vip(map).at(index).within("additional_vips")?);
    }
    Ok(vips)
}

fn additional_vip(map: &Object) -> Result<Vip, BodyError> {
    Ok(Vip {
        address: parsed(map, "ip_address")?.value().ok_or_else(|| BodyError::Unsupported {
            code: "additional-vip-without-address",
            field: "ip_address".to_owned(),
            reason:
                "an additional VIP needs its address here: name the address when creating the load balancer"
                    .to_owned(),
        })?,
        port_id: parsed(map, "port_id")?.value(),
        network_id: parsed(map, "network_id")?.value(),
        subnet_id: parsed(map, "subnet_id")?.value(),
    })
}

/// The pools of a graph while it is read.
#[derive(Default)]
struct Pools {
    by_id: BTreeMap<PoolId, Pool>,
    members: BTreeSet<weir_model::MemberId>,
    /// Pools that name their listener, with their place in the body.
    named: Vec<(usize, ListenerId, PoolId)>,
}

impl Pools {
    fn add(&mut self, map: &Object, lb: LoadBalancerId) -> Result<PoolId, BodyError> {
        same_parent(map, "loadbalancer_id", lb)?;
        let index = self.by_id.len();
        let (listener, pool) = pool(map)?;
        for id in pool.members.keys() {
            if !self.members.insert(*id) {
                return Err(twice("members", id));
            }
        }
        let id = pool.id;
        match self.by_id.entry(id) {
            Entry::Vacant(entry) => drop(entry.insert(pool)),
            Entry::Occupied(_) => return Err(twice("pool_id", id)),
        }
        if let Some(listener) = listener {
            self.named.push((index, listener, id));
        }
        Ok(id)
    }

    /// Links pools to the listeners they name. A listener's own `default_pool_id` wins.
    fn link(&self, listeners: &mut BTreeMap<ListenerId, Listener>) -> Result<(), BodyError> {
        for (index, listener, pool) in &self.named {
            let listener = listeners.get_mut(listener).ok_or_else(|| {
                BodyError::inconsistent(
                    "listener_id",
                    format!("there is no listener {listener} in this call"),
                )
            });
            listener.at(*index)?.default_pool_id.get_or_insert(*pool);
        }
        Ok(())
    }
}

/// A listener inside a load balancer; its default pool may stand only here, or in `pools` too.
fn child_listener(map: &Object, lb: LoadBalancerId, pools: &mut Pools) -> Result<Listener, BodyError> {
    same_parent(map, "loadbalancer_id", lb)?;
    let mut listener = listener(map)?;
    if let Field::Value(pool) = object(map, "default_pool")? {
        let id: PoolId = required(parsed(pool, "pool_id")?, "pool_id").within("default_pool")?;
        // What stands in `pools` is the complete one: the copy here lacks members and monitor.
        if !pools.by_id.contains_key(&id) {
            pools.add(pool, lb).within("default_pool")?;
        }
        listener.default_pool_id.get_or_insert(id);
    }
    Ok(listener)
}

/// A listener.
pub fn listener(map: &Object) -> Result<Listener, BodyError> {
    Ok(Listener {
        id: required(parsed(map, "listener_id")?, "listener_id")?,
        protocol: required(text(map, "protocol")?, "protocol")?.to_owned(),
        port: required(number(map, "protocol_port")?, "protocol_port")?,
        admin_state_up: up(map)?,
        default_pool_id: default_pool_id(map)?.value(),
        allowed_cidrs: allowed_cidrs(map)?.value().unwrap_or_default(),
        extra: extras(&kinds::LISTENER, map),
    })
}

/// A listener's `allowed_cidrs`, sorted: they are a set, whose order Octavia does not keep.
pub fn allowed_cidrs(map: &Object) -> Result<Field<Vec<String>>, BodyError> {
    Ok(texts(map, "allowed_cidrs")?.map(|mut cidrs| {
        cidrs.sort_unstable();
        cidrs.dedup();
        cidrs
    }))
}

/// A listener's pool, by `default_pool_id` or by the pool inside.
pub fn default_pool_id(map: &Object) -> Result<Field<PoolId>, BodyError> {
    match parsed(map, "default_pool_id")? {
        Field::Value(id) => Ok(Field::Value(id)),
        otherwise => match object(map, "default_pool")? {
            Field::Value(pool) => {
                Ok(Field::Value(required(parsed(pool, "pool_id")?, "pool_id").within("default_pool")?))
            }
            _ => Ok(otherwise),
        },
    }
}

/// A pool, and the listener it names.
pub fn pool(map: &Object) -> Result<(Option<ListenerId>, Pool), BodyError> {
    let id = required(parsed(map, "pool_id")?, "pool_id")?;
    let mut members = BTreeMap::new();
    for (index, map) in objects(map, "members")?.into_iter().enumerate() {
        let member =
            same_parent(map, "pool_id", id).and_then(|()| member(map)).at(index).within("members")?;
        match members.entry(member.id) {
            Entry::Vacant(entry) => drop(entry.insert(member)),
            Entry::Occupied(_) => return Err(twice("member_id", member.id)).at(index).within("members"),
        }
    }
    let monitor = match object(map, "healthmonitor")? {
        Field::Value(map) => {
            Some(same_parent(map, "pool_id", id).and_then(|()| monitor(map)).within("healthmonitor")?)
        }
        _ => None,
    };
    let pool = Pool {
        id,
        protocol: required(text(map, "protocol")?, "protocol")?.to_owned(),
        algorithm: required(text(map, "lb_algorithm")?, "lb_algorithm")?.to_owned(),
        persistence: persistence(map)?.value(),
        admin_state_up: up(map)?,
        members,
        monitor,
        extra: extras(&kinds::POOL, map),
    };
    Ok((parsed(map, "listener_id")?.value(), pool))
}

/// A pool's `session_persistence`.
pub fn persistence(map: &Object) -> Result<Field<Persistence>, BodyError> {
    let map = match object(map, "session_persistence")? {
        Field::Unset => return Ok(Field::Unset),
        Field::Null => return Ok(Field::Null),
        Field::Value(map) => map,
    };
    let read = || {
        Ok(Persistence {
            kind: required(text(map, "type")?, "type")?.to_owned(),
            timeout: number(map, "persistence_timeout")?.value(),
            extra: extras(&kinds::SESSION_PERSISTENCE, map),
        })
    };
    read().map(Field::Value).within("session_persistence")
}

/// A member.
pub fn member(map: &Object) -> Result<Member, BodyError> {
    Ok(Member {
        id: required(parsed(map, "member_id")?, "member_id")?,
        address: required(parsed(map, "address")?, "address")?,
        port: required(number(map, "protocol_port")?, "protocol_port")?,
        subnet_id: parsed(map, "subnet_id")?.value(),
        weight: number(map, "weight")?.value().unwrap_or(Member::DEFAULT_WEIGHT),
        backup: boolean(map, "backup")?.value().unwrap_or(false),
        admin_state_up: up(map)?,
        extra: extras(&kinds::MEMBER, map),
    })
}

/// A health monitor.
pub fn monitor(map: &Object) -> Result<Monitor, BodyError> {
    let extra: Extra = extras(&kinds::HEALTH_MONITOR, map);
    Ok(Monitor {
        id: required(parsed(map, "healthmonitor_id")?, "healthmonitor_id")?,
        kind: required(text(map, "type")?, "type")?.to_owned(),
        delay: required(number(map, "delay")?, "delay")?,
        timeout: required(number(map, "timeout")?, "timeout")?,
        rise: number(map, "max_retries")?.value().unwrap_or(MAX_RETRIES),
        fall: number(map, "max_retries_down")?.value().unwrap_or(MAX_RETRIES),
        admin_state_up: up(map)?,
        extra,
    })
}

fn up(map: &Object) -> Result<bool, BodyError> {
    Ok(boolean(map, "admin_state_up")?.value().unwrap_or(true))
}

/// A child need not name its parent, but it must not name another one.
pub fn same_parent<T>(map: &Object, name: &str, parent: T) -> Result<(), BodyError>
where
    T: std::str::FromStr + PartialEq + std::fmt::Display,
{
    match parsed::<T>(map, name)?.value() {
        Some(other) if other != parent => {
            Err(BodyError::inconsistent(name, format!("{other} is not {parent}, which it is in")))
        }
        _ => Ok(()),
    }
}

fn twice(field: &str, id: impl ToString) -> BodyError {
    BodyError::Twice { field: field.to_owned(), id: id.to_string() }
}
