// my-plugin: an OVN plugin for Octavia's protocol TCP, written in JavaScript.
//
// The host asks four questions (wit/about.wit, wit/protocol.wit); the two objects at the end answer them. Everything here
// is pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing
// is kept from one call to the next, since each call runs in a fresh copy of this program.
//
// Names with dashes in WIT are camelCase here (`allowed-cidrs`: `allowedCidrs`), an absent option is undefined, an enum
// is its word, and what is thrown is the error of a result.

import { write as log } from 'weir:plugin/log@1.0.0';

/** Octavia's word, as in `listener.protocol`. */
const PROTOCOL = 'TCP';
/** The Northbound's word, as in `Load_Balancer.protocol`. */
const TRANSPORT = 'tcp';
/** Octavia's kinds of health monitor that OVN can run for this protocol. */
const MONITORS = ['TCP'];

// What needs somebody who reads what is inside a connection. OVN does not. A trailing * stands for any ending.
const LISTENER_REFUSED = [
  'alpn_protocols', 'client_authentication', 'client_ca_tls_container_ref', 'client_crl_container_ref',
  'default_tls_container_ref', 'hsts_*', 'insert_headers', 'l7policies', 'sni_container_refs', 'tls_*',
];
const POOL_REFUSED = ['alpn_protocols', 'ca_tls_container_ref', 'crl_container_ref', 'tls_*'];
// OVN's health checks probe the member itself.
const MEMBER_REFUSED = ['monitor_address', 'monitor_port'];
// What the user turned off may be passed all the same.
const NOT_ASKED = ['', 'false', 'False', 'null', '[]', '{}'];

/** Why a user's wish is not carried out: a stable code, the field in Octavia's words, a sentence for the user. */
function refusal(code, field, user) {
  return { code, field, user, operator: '' };
}

const dashes = (key) => key.replaceAll('_', '-');

/** Throws for the first attribute that cannot be honoured. The host hands what is thrown to the user. */
function checkExtra(what, extra, refused) {
  const hit = (key) => refused.some((r) => (r.endsWith('*') ? key.startsWith(r.slice(0, -1)) : key === r));
  for (const [key, value] of extra) {
    if (hit(key) && !NOT_ASKED.includes(value)) {
      throw refusal(`unsupported-${dashes(key)}`, `${what}.${key}`,
        `OVN forwards connections without reading them, so it cannot honour ${key} of a ${what}; leave it unset`);
    }
  }
}

function checkListener(listener) {
  if (listener.protocol !== PROTOCOL) {
    throw refusal('unsupported-protocol', 'listener.protocol',
      `OVN cannot translate here a listener of ${listener.protocol}; choose ${PROTOCOL}`);
  }
  if (listener.port === 0) {
    throw refusal('invalid-port', 'listener.protocol_port', 'a listener needs a port above 0');
  }
  if (listener.allowedCidrs.length > 0) {
    throw refusal('unsupported-allowed-cidrs', 'listener.allowed_cidrs',
      `OVN cannot limit a listener to ${listener.allowedCidrs.join(', ')}; `
      + 'leave allowed_cidrs empty and use security groups on the members');
  }
  checkExtra('listener', listener.extra, LISTENER_REFUSED);
}

function checkPool(pool) {
  if (pool.protocol !== PROTOCOL) {
    throw refusal('protocol-mismatch', 'pool.protocol',
      `OVN cannot forward ${PROTOCOL} to a pool of ${pool.protocol}; choose a pool of ${PROTOCOL}`);
  }
  checkExtra('pool', pool.extra, POOL_REFUSED);
}

/** What is wrong with a member, or undefined. */
function checkMember(ctx, member) {
  for (const key of MEMBER_REFUSED) {
    const asked = member.extra.find(([k]) => k === key);
    if (asked) {
      return refusal(`unsupported-${dashes(key)}`, `member.${key}`,
        `OVN checks a member at its own address and port, not at ${asked[1]}; `
        + `leave ${key} of member ${member.address} unset`);
    }
  }
  const fixed = ctx.vips.filter((vip) => !vip.floating);
  if (fixed.length > 0 && !fixed.some((vip) => vip.family === member.family)) {
    return refusal('ip-version-mismatch', 'member.address',
      `no VIP of the load balancer has the IP version of member ${member.address}; `
      + "OVN cannot translate between IPv4 and IPv6, so choose a member of the VIP's version");
  }
  if (member.port === 0) {
    return refusal('invalid-port', 'member.protocol_port', 'a member needs a port above 0');
  }
  return undefined;
}

/** The members behind a VIP: enabled, with a share, of its IP version. They are named by index. */
function backends(vip, members, copies) {
  // OVN has floating IPs for IPv4 only.
  if (vip.floating && vip.family === 'ipv6') return [];
  const found = [];
  members.forEach((member, index) => {
    if (copies[index] > 0 && member.family === vip.family) {
      found.push({ member: index, port: member.port, copies: copies[index] });
    }
  });
  return found;
}

/** The host takes an answer without backends for a failure, unless it is told why. */
function whyEmpty(ctx, members, copies) {
  if (ctx.vips.length === 0) return 'the load balancer has no VIP';
  if (members.length === 0) return 'the pool has no members';
  if (!members.some((member) => member.enabled)) return 'all members are disabled';
  if (!copies.some((share) => share > 0)) return 'no enabled member has a share of the connections';
  return 'no usable member has the IP version of a VIP';
}

function empty(emptyReason) {
  return { transport: TRANSPORT, entries: [], options: [], emptyReason };
}

/** What every plugin answers. */
export const about = {
  describe() {
    return {
      name: 'my-plugin',
      version: '0.1.0',
      protocols: [PROTOCOL],
      algorithms: [],
      // Also asked for the transport of a load balancer without listeners.
      fallback: true,
      // JSON Schema of a configuration; empty for none.
      configSchema: '',
      // Keys of Load_Balancer.options that `translate` may set.
      options: [],
    };
  },

  checkConfig(config) {
    if (config) throw refusal('unexpected-config', 'config', 'this plugin takes no configuration');
  },
};

/** What a listener with its pool becomes. */
export const protocol = {
  translate(ctx, listener, pool, members, shares) {
    // Any part may be absent; what is there is judged all the same.
    if (listener) checkListener(listener);
    if (pool) checkPool(pool);

    if (!listener) return empty('there is no listener');
    if (!pool) return empty('the listener has no pool');
    if (!listener.enabled) return empty('the listener is disabled');
    if (!pool.enabled) return empty('the pool is disabled');

    // Of the shares that an algorithm plugin gave, those of members that can be used.
    const copies = members.map(() => 0);
    for (const share of shares) {
      const member = members[share.member];
      if (member && member.enabled && member.port !== 0) copies[share.member] = share.copies;
    }
    const entries = [];
    ctx.vips.forEach((vip, index) => {
      const behind = backends(vip, members, copies);
      if (behind.length > 0) entries.push({ vip: index, port: listener.port, backends: behind });
    });
    log('debug', `${entries.length} VIPs with backends`);
    const emptyReason = entries.length > 0 ? undefined : whyEmpty(ctx, members, copies);
    return { transport: TRANSPORT, entries, options: [], emptyReason };
  },

  /** Every bad member at once. */
  checkMembers(ctx, pool, members) {
    return members
      .map((member, index) => [index, checkMember(ctx, member)])
      .filter(([, why]) => why !== undefined);
  },

  planMonitor(ctx, pool, monitor) {
    checkPool(pool);
    if (!MONITORS.includes(monitor.kind)) {
      throw refusal('unsupported-monitor-type', 'healthmonitor.type',
        `OVN cannot check the members of a pool of ${PROTOCOL} by ${monitor.kind}; choose ${MONITORS.join(' or ')}`);
    }
    const numbers = {
      delay: monitor.delayS, timeout: monitor.timeoutS, max_retries: monitor.rise, max_retries_down: monitor.fall,
    };
    for (const [name, number] of Object.entries(numbers)) {
      if (number === 0) {
        throw refusal(`invalid-monitor-${dashes(name)}`, `healthmonitor.${name}`,
          `OVN cannot check members with a ${name} of 0; choose 1 or more`);
      }
    }
    return { intervalS: monitor.delayS, timeoutS: monitor.timeoutS, success: monitor.rise, failure: monitor.fall };
  },
};
