// my-plugin: an OVN plugin for Octavia's protocols TCP and HTTPS, written in JavaScript.
//
// The host asks four questions (wit/about.wit, wit/protocol.wit); the two objects at the end answer them. Everything here
// is pure: the same question has the same answer. There is no file, no socket, no clock and no random number, and nothing
// is kept from one call to the next, since each call runs in a fresh copy of this program.
//
// Names with dashes in WIT are camelCase here (`allowed-cidrs`: `allowedCidrs`), an absent option is undefined, an enum
// is its word, and what is thrown is the error of a result.

import { write as log } from 'weir:plugin/log@1.0.0';

/** Octavia's words, as in `listener.protocol` and `pool.protocol`. Nobody reads what is in a connection: they mean the same. */
const PROTOCOLS = ['TCP', 'HTTPS'];
/** The Northbound's word, as in `Load_Balancer.protocol`. */
const TRANSPORT = 'tcp';
/** Octavia's kinds of health monitor that OVN can run for this transport. */
const MONITORS = ['TCP'];

// What needs somebody who reads what is inside a connection. OVN does not. A trailing * stands for any ending.
const LISTENER_REFUSED = [
  'alpn_protocols', 'client_authentication', 'client_ca_tls_container_ref', 'client_crl_container_ref',
  'default_tls_container_ref', 'hsts_*', 'insert_headers', 'l7policies', 'sni_container_refs', 'tls_*',
];
// What needs somebody who counts or times connections, with Octavia's defaults.
const LISTENER_LIMITS = {
  connection_limit: '-1',
  timeout_client_data: '50000',
  timeout_member_connect: '5000',
  timeout_member_data: '50000',
  timeout_tcp_inspect: '0',
};
const POOL_REFUSED = ['alpn_protocols', 'ca_tls_container_ref', 'crl_container_ref', 'tls_*'];
// OVN's health checks probe the member itself.
const MEMBER_REFUSED = ['monitor_address', 'monitor_port'];
// They open a connection and ask nothing.
const MONITOR_REFUSED = ['domain_name', 'expected_codes', 'http_method', 'http_version', 'url_path'];
// OVN counts milliseconds and probes in 31 bits.
const MOST_SECONDS = 2147483;
const MOST_PROBES = 2147483647;
// What the user turned off may be passed all the same.
const NOT_ASKED = ['', 'false', 'False', 'null', '[]', '{}'];

/** Why a user's wish is not carried out: a stable code, the field in Octavia's words, a sentence for the user, and one for the
 * operator, where that one has more to know. */
function refusal(code, field, user, operator = '') {
  return { code, field, user, operator };
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

const valueOf = (pairs, key) => (pairs.find(([k]) => k === key) || [])[1];

/** Refuses what would have no effect, but for what the load balancer has had since another version accepted it. */
function checkLimits(ctx, listener) {
  const inherited = (valueOf(ctx.extra, 'inherited') || '').split(' ');
  for (const [key, normal] of Object.entries(LISTENER_LIMITS)) {
    const asked = valueOf(listener.extra, key);
    if (asked !== undefined && asked !== normal && !inherited.includes(`listener.${key}`)) {
      throw refusal(`unsupported-${dashes(key)}`, `listener.${key}`,
        `OVN neither counts nor times connections, so it cannot honour a ${key} of ${asked}; `
        + `leave it at Octavia's default, ${normal}`);
    }
  }
}

function checkListener(ctx, listener) {
  if (!PROTOCOLS.includes(listener.protocol)) {
    throw refusal('unsupported-protocol', 'listener.protocol',
      `OVN cannot translate here a listener of ${listener.protocol}; choose ${PROTOCOLS.join(' or ')}`);
  }
  if (listener.port === 0) {
    throw refusal('invalid-port', 'listener.protocol_port', 'a listener needs a port above 0');
  }
  checkExtra('listener', listener.extra, LISTENER_REFUSED);
  checkLimits(ctx, listener);
}

function checkPool(pool, listener) {
  if (!PROTOCOLS.includes(pool.protocol)) {
    const all = PROTOCOLS.join(' or ');
    throw refusal('protocol-mismatch', 'pool.protocol',
      `OVN cannot forward ${listener ? listener.protocol : all} to a pool of ${pool.protocol}; choose a pool of ${all}`);
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
      protocols: PROTOCOLS,
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
    if (listener) checkListener(ctx, listener);
    if (pool) checkPool(pool, listener);

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
        `OVN cannot check the members of a pool of ${pool.protocol} by ${monitor.kind}; choose ${MONITORS.join(' or ')}`);
    }
    for (const key of MONITOR_REFUSED) {
      const asked = valueOf(monitor.extra, key);
      if (asked !== undefined) {
        throw refusal(`unsupported-${dashes(key)}`, `healthmonitor.${key}`,
          `OVN checks by ${monitor.kind} and asks a member nothing, so it cannot honour a ${key} of ${asked}; leave it unset`);
      }
    }
    const numbers = {
      delay: [monitor.delayS, MOST_SECONDS],
      timeout: [monitor.timeoutS, MOST_SECONDS],
      max_retries: [monitor.rise, MOST_PROBES],
      max_retries_down: [monitor.fall, MOST_PROBES],
    };
    for (const [name, [number, most]] of Object.entries(numbers)) {
      if (number < 1 || number > most) {
        throw refusal(`invalid-monitor-${dashes(name)}`, `healthmonitor.${name}`,
          `OVN cannot check members with a ${name} of ${number}; choose 1 to ${most}`);
      }
    }
    return { intervalS: monitor.delayS, timeoutS: monitor.timeoutS, success: monitor.rise, failure: monitor.fall };
  },
};
